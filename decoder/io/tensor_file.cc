// Which reader a file belongs to, told by its first bytes.
#include "io/tensor_file.h"

#include <cstring>
#include <utility>

#include "io/pth.h"
#include "io/safetensors.h"

namespace tae {
namespace {

bool StartsWith(std::span<const uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// "<!DOCTYPE html>", "<html>", "<?xml", in any case and after blank space.
bool LooksLikeWebPage(std::span<const uint8_t> bytes) {
  size_t at = StartsWith(bytes, "\xef\xbb\xbf") ? 3 : 0;
  while (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\n' ||
                               bytes[at] == '\r' || bytes[at] == '\t'))
    ++at;
  return at + 1 < bytes.size() && bytes[at] == '<' &&
         (bytes[at + 1] == '!' || bytes[at + 1] == '?' ||
          (bytes[at + 1] | 0x20) == 'h');
}

}  // namespace

StatusOr<FileFormat> SniffFormat(const std::string& path,
                                 std::span<const uint8_t> bytes) {
  if (StartsWith(bytes, "PK\x03\x04")) return FileFormat::kPth;
  if (bytes.size() > 8 && bytes[8] == '{') return FileFormat::kSafetensors;
  if (bytes.empty()) return DataLoss(path + ": is empty");
  if (StartsWith(bytes, "\x80\x02")) {
    return Unsupported(path +
                       ": is in PyTorch's format from before version 1.6; "
                       "load it and save it again with a newer PyTorch");
  }
  if (StartsWith(bytes, "\x93NUMPY")) {
    return Unsupported(path + ": is one NumPy array, not a file of weights");
  }
  if (StartsWith(bytes, "GGUF")) {
    return Unsupported(path + ": is a GGUF file; .safetensors or .pth wanted");
  }
  if (LooksLikeWebPage(bytes)) {
    return Unsupported(path +
                       ": is a web page, not a file of tensors; the download "
                       "went wrong");
  }
  if (StartsWith(bytes, "version https://git-lfs")) {
    return Unsupported(path +
                       ": is a git-lfs pointer, not the file itself; run "
                       "'git lfs pull'");
  }
  return Unsupported(
      path +
      ": is no file of tensors (safetensors and PyTorch .pth are "
      "read)");
}

StatusOr<TensorFile> ParseTensorFile(
    const std::shared_ptr<const FileBytes>& file) {
  const std::string& path = file->path();
  const std::span<const uint8_t> bytes = file->bytes();
  const StatusOr<FileFormat> format = SniffFormat(path, bytes);
  if (!format.ok()) return format.status();
  switch (*format) {
    case FileFormat::kSafetensors:
      return ParseSafetensors(path, bytes, file);
    case FileFormat::kPth:
      return ParsePth(path, bytes);
  }
  return Internal(path + ": format without a reader");
}

void AddF64(std::string name, std::vector<int64_t> dims, const uint8_t* data,
            size_t size, TensorFile* file) {
  const auto floats =
      std::make_shared<std::vector<float>>(size / sizeof(double));
  for (size_t i = 0; i < floats->size(); ++i) {
    double value;
    std::memcpy(&value, data + sizeof(double) * i, sizeof(value));
    (*floats)[i] = static_cast<float>(value);
  }
  file->tensors.push_back(
      {.name = std::move(name),
       .dtype = DType::kF32,
       .dims = std::move(dims),
       .data = reinterpret_cast<const uint8_t*>(floats->data()),
       .size = floats->size() * sizeof(float),
       .from_f64 = true});
  file->converted.push_back(floats);
}

std::string DimsText(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

std::string_view DTypeText(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return "F16";
    case DType::kBF16:
      return "BF16";
    case DType::kF32:
      return "F32";
  }
  return "?";
}

}  // namespace tae
