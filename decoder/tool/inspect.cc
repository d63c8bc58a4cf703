// `tae inspect`: what a file is, in words.
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "base/checked_math.h"
#include "io/file_bytes.h"
#include "io/tensor_file.h"
#include "model/identify.h"
#include "tae/decoder.h"
#include "tae/latent_stream.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/latents.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {{"--tensors", false}, {"--variant"},
                               {"--domain"},         {"--layout"},
                               {"--size"},           {"--pred"}};

void Line(const char* label, const std::string& text) {
  std::printf("%-10s %s\n", label, text.c_str());
}

std::string_view StoredText(const TensorView& tensor) {
  return tensor.from_f64 ? "F64" : DTypeText(tensor.dtype);
}

void PrintTensors(const TensorFile& file, bool all) {
  std::map<std::string_view, int> tensors;
  size_t scalars = 0;
  for (const TensorView& tensor : file.tensors) {
    ++tensors[StoredText(tensor)];
    scalars += tensor.size / SizeOf(tensor.dtype);
  }
  std::string text;
  for (const auto& [dtype, count] : tensors) {
    text += std::to_string(count) + " " + std::string(dtype) + ", ";
  }
  Line("tensors", file.tensors.empty()
                      ? "none of F16, BF16, F32 or F64"
                      : text + std::to_string(scalars) + " values");
  for (const std::string& name : file.skipped) Line("not read", name);
  for (const auto& [key, value] : file.metadata) {
    Line("metadata", key + " = " + value);
  }
  if (!all) return;
  for (const TensorView& tensor : file.tensors) {
    std::printf("  %-40s %-4s %s\n", tensor.name.c_str(),
                std::string(StoredText(tensor)).c_str(),
                DimsText(tensor.dims).c_str());
  }
}

// True when the file is a decoder.
bool PrintModel(const std::string& path, std::string* why_not) {
  const auto model = LoadModel(path, {});
  if (!model.ok()) {
    *why_not = model.status().message();
    return false;
  }
  const ModelInfo& info = GetModelInfo(**model);
  Line("content", "decoder weights, " + info.architecture);
  Line("variant", info.variant.empty() ? "unknown" : info.variant);
  Line("latent", std::to_string(info.latent_channels) + " channels, " +
                     std::to_string(info.pixels_per_latent) +
                     " pixels each way");
  for (const std::string& warning : info.warnings) Line("warning", warning);
  return true;
}

// True when the file is latents.
bool PrintLatents(const std::string& path, const Arguments& arguments,
                  std::string* why_not) {
  const auto messages = ReadLatents(path, arguments);
  if (!messages.ok()) {
    *why_not = messages.status().message();
    return false;
  }
  int count = 0;
  for (const LatentMessage& message : *messages)
    count += BatchOf(message.header);
  const size_t size = messages->size();
  Line("content",
       std::to_string(count) + " latent" + (count == 1 ? "" : "s") +
           (size_t(count) == size ? ""
                                  : " in " + std::to_string(size) + " message" +
                                        (size == 1 ? "" : "s")));
  for (const LatentMessage& message : *messages) {
    Line("latent", ToString(message.header));
    for (const std::string& note : message.header.description.notes) {
      Line("note", note);
    }
    if (const auto view = message.View(); !view.ok()) {
      Line("problem", view.status().message());
    }
  }
  return true;
}

Status InspectFile(const std::string& path, const Arguments& arguments) {
  const auto bytes = FileBytes::Read(path);
  if (!bytes.ok()) return bytes.status();
  const std::string sha256 = Sha256Hex((*bytes)->bytes());
  Line("file", path);
  Line("size", std::to_string((*bytes)->bytes().size()) + " bytes");
  Line("sha256", sha256);
  if (const KnownFile* known = FindKnownFile(sha256)) {
    Line("identity", std::string(known->identity) + ", published as " +
                         std::string(known->file) + " for " +
                         std::string(known->variant));
  }
  const StatusOr<TensorFile> file = ParseTensorFile(*bytes);
  if (file.ok()) {
    Line("format",
         file->format == FileFormat::kPth ? "PyTorch .pth" : "safetensors");
    PrintTensors(*file, arguments.Has("--tensors"));
  }
  std::string no_model;
  std::string no_latent;
  if (PrintModel(path, &no_model) || PrintLatents(path, arguments, &no_latent))
    return {};
  Line("content", "neither a decoder that this library runs nor a latent");
  Line("", no_model);
  Line("", no_latent);
  return {};
}

}  // namespace

StatusOr<int> Inspect(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  if (arguments->positional().empty()) {
    return InvalidArgument("name at least one file");
  }
  for (const std::string& path : arguments->positional()) {
    TAE_RETURN_IF_ERROR(InspectFile(path, *arguments));
  }
  return 0;
}

}  // namespace tae::tool
