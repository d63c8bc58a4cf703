#include "tool/latents.h"

#include <cstdio>
#include <utility>

#include "tae/variant.h"

namespace tae::tool {
namespace {

Status Override(const Arguments& arguments, LatentDescription* said) {
  if (const std::string space = arguments.Value("--variant"); !space.empty()) {
    const VariantInfo* info = FindVariant(space);
    if (info == nullptr) return UnknownVariant(space);
    said->space = info->name;
  }
  if (const std::string domain = arguments.Value("--domain"); !domain.empty())
    said->domain = domain;
  if (const std::string layout = arguments.Value("--layout"); !layout.empty())
    said->layout = layout;
  return {};
}

}  // namespace

StatusOr<std::vector<LatentMessage>> ReadLatents(const std::string& path,
                                                 const Arguments& arguments) {
  StatusOr<LatentFile> file = ReadLatentFile(path, {});
  if (!file.ok()) return file.status();
  for (const std::string& note : file->notes)
    std::fprintf(stderr, "warning: %s\n", note.c_str());
  for (LatentMessage& message : file->messages)
    TAE_RETURN_IF_ERROR(Override(arguments, &message.header.description));
  return std::move(file->messages);
}

std::string VariantOf(const LatentHeader& header, int channels) {
  if (!header.description.space.empty()) return header.description.space;
  const auto likely = VariantsWithChannels(channels);
  return likely.empty() ? "" : std::string(likely.front()->name);
}

}  // namespace tae::tool
