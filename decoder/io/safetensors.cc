// The checked JSON header, compared with the bytes that are really there.
#include "io/safetensors.h"

#include <optional>
#include <string_view>
#include <utility>

#include "io/safetensors_json.h"

namespace tae {
namespace {

constexpr size_t kLengthBytes = 8;

std::optional<DType> DTypeOf(std::string_view name) {
  if (name == "F16") return DType::kF16;
  if (name == "BF16") return DType::kBF16;
  if (name == "F32") return DType::kF32;
  return std::nullopt;
}

// The length of the header, once it is known to lie inside the file.
StatusOr<size_t> HeaderLength(const std::string& name,
                              std::span<const uint8_t> bytes) {
  if (bytes.size() < kLengthBytes) {
    return DataLoss(name + ": " + std::to_string(bytes.size()) +
                    " bytes are too few for a safetensors file");
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= uint64_t{bytes[i]} << (8 * i);
  }
  const size_t rest = bytes.size() - kLengthBytes;
  if (length > kMaxSafetensorsHeader || length > rest) {
    return DataLoss(
        name + ": the header is said to have " + std::to_string(length) +
        " bytes; the file has " + std::to_string(rest) + " and " +
        std::to_string(kMaxSafetensorsHeader) + " are the most allowed");
  }
  return static_cast<size_t>(length);
}

void AddTensor(SafetensorsEntry& entry, const uint8_t* data, TensorFile& file) {
  if (entry.dtype == "F64") {
    AddF64(std::move(entry.name), std::move(entry.dims), data + entry.begin,
           static_cast<size_t>(entry.end - entry.begin), &file);
    return;
  }
  const std::optional<DType> dtype = DTypeOf(entry.dtype);
  if (!dtype) {
    file.skipped.push_back(entry.name + " (" + entry.dtype + ")");
    return;
  }
  file.tensors.push_back(
      {.name = std::move(entry.name),
       .dtype = *dtype,
       .dims = std::move(entry.dims),
       .data = data + entry.begin,
       .size = static_cast<size_t>(entry.end - entry.begin)});
}

}  // namespace

StatusOr<TensorFile> ParseSafetensors(const std::string& name,
                                      std::span<const uint8_t> bytes,
                                      std::shared_ptr<const void> owner) {
  const StatusOr<size_t> length = HeaderLength(name, bytes);
  if (!length.ok()) return length.status();
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + kLengthBytes;
  StatusOr<SafetensorsJson> json =
      ParseSafetensorsJson(std::string_view(text, *length));
  if (!json.ok()) {
    return Status(json.status().code(), name + ": " + json.status().message());
  }
  const std::span<const uint8_t> data = bytes.subspan(kLengthBytes + *length);
  if (json->data_size != data.size()) {
    return DataLoss(
        name + ": the header describes " + std::to_string(json->data_size) +
        " bytes of tensors, the file has " + std::to_string(data.size()) +
        ": it is damaged or was not copied to its end");
  }
  TensorFile file{.path = name,
                  .format = FileFormat::kSafetensors,
                  .tensors = {},
                  .metadata = std::move(json->metadata),
                  .skipped = {},
                  .bytes = std::move(owner)};
  for (SafetensorsEntry& entry : json->tensors) {
    AddTensor(entry, data.data(), file);
  }
  return file;
}

}  // namespace tae
