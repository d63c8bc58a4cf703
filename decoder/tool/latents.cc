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
  if (const std::string pred = arguments.Value("--pred"); !pred.empty()) {
    if (pred != "x" && pred != "x0")
      return InvalidArgument("--pred takes x (noisy) or x0, not '" + pred +
                             "'");
    said->pred = pred;
  }
  if (const std::string size = arguments.Value("--size"); !size.empty()) {
    const StatusOr<Extent> pixels = ParseSize(size);
    if (!pixels.ok()) return pixels.status();
    said->width = pixels->width;
    said->height = pixels->height;
  }
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

void WarnOfGuess(const LatentHeader& header, int channels, bool model_given) {
  const auto likely = VariantsWithChannels(channels);
  if (!header.description.space.empty() || model_given || likely.size() < 2)
    return;
  std::string others;
  for (size_t i = 1; i < likely.size(); ++i)
    others += (i > 1 ? ", " : "") + std::string(likely[i]->name);
  std::fprintf(stderr,
               "note: the file does not say its space, and %d channels are "
               "taken for %s; --variant names another (%s)\n",
               channels, std::string(likely[0]->name).c_str(), others.c_str());
}

std::string TypedFix(const std::string& fix) {
  for (const char* word : {"layout", "domain", "pred"}) {
    const size_t at = fix.find(std::string(word) + "=");
    if (at == std::string::npos) continue;
    std::string typed = fix;
    typed.replace(at, std::string(word).size() + 1,
                  "--" + std::string(word) + " ");
    return typed;
  }
  return fix;
}

}  // namespace tae::tool
