#include "common/latent_message.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "tae/variant.h"

namespace taegst {
namespace {

// Metadata that has a place of its own in caps, meta or tags, or that says how
// the bytes were stored.
constexpr std::array<std::string_view, 20> kKnown = {
    "space",  "variant", "layout",     "domain",      "pred",
    "width",  "height",  "step",       "steps",       "sigma",
    "final",  "gen",     "sigma_next", "timestep",    "seed",
    "prompt", "fps",     "format",     "quant_scale", "quant_offset"};

std::optional<guint> Count(std::optional<int> value) {
  if (!value || *value < 0) return std::nullopt;
  return guint(*value);
}

}  // namespace

tae::StatusOr<LatentInfo> InfoOfMessage(const tae::LatentHeader& header) {
  const tae::StatusOr<tae::LatentView> view =
      tae::AsLatentView(header, nullptr);
  if (!view.ok()) return view.status();
  const tae::LatentDescription& said = header.description;
  LatentInfo info;
  if (!said.space.empty()) {
    const tae::VariantInfo* space = tae::FindVariant(said.space);
    if (space == nullptr)
      return tae::Unsupported("the latent's space: " +
                              tae::UnknownVariant(said.space).message());
    info.variant = space->name;
  }
  info.dtype = view->dtype;
  info.layout = view->layout;
  info.domain = view->domain;
  info.noisy = said.pred == "x";
  info.channels = view->channels;
  info.extent = view->extent;
  info.batch = tae::BatchOf(header);
  if (info.batch > kMaxBatch)
    return tae::Unsupported("the message holds " + std::to_string(info.batch) +
                            " latents; more than " + std::to_string(kMaxBatch) +
                            " in one are not taken, send them in several");
  if (said.fps && *said.fps > 0)
    gst_util_double_to_fraction(*said.fps, &info.fps_n, &info.fps_d);
  if (said.width && said.height) {
    info.width = *said.width;
    info.height = *said.height;
  }
  return info;
}

LatentStep StepOfMessage(const tae::LatentHeader& header) {
  const tae::LatentDescription& said = header.description;
  LatentStep step;
  step.step = Count(said.step);
  step.total_steps = Count(said.steps);
  step.sigma = said.sigma;
  step.sigma_next = said.sigma_next;
  step.timestep = said.timestep;
  step.final = said.final.value_or(false);
  step.prompt_id = said.gen;
  step.seed = said.seed;
  for (const auto& [key, value] : header.metadata)
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end())
      step.extra.emplace_back(key).append("=").append(value);
  return step;
}

bool IsOtherGeneration(const std::string& last_id,
                       const std::optional<guint>& last_step,
                       const LatentStep& step) {
  if (step.prompt_id != last_id) return true;
  return step.prompt_id.empty() && step.step && last_step &&
         *step.step < *last_step;
}

std::string Brief(const std::string& sentence) {
  constexpr size_t kLongest = 1000;
  if (sentence.size() <= kLongest) return sentence;
  // Not in the middle of a character.
  const GstPtr<char> valid(g_utf8_make_valid(sentence.data(), kLongest));
  return std::string(valid.get()) + "...";
}

GstPtr<GstTagList> TagsOfMessage(const tae::LatentHeader& header) {
  GstPtr<GstTagList> tags(gst_tag_list_new_empty());
  const std::string& prompt = header.description.prompt;
  if (!prompt.empty())
    gst_tag_list_add(tags.get(), GST_TAG_MERGE_REPLACE, GST_TAG_TITLE,
                     prompt.c_str(), nullptr);
  return tags;
}

tae::LatentMetadata MetadataOf(const LatentInfo& info, const LatentStep& step,
                               const std::string& prompt) {
  tae::LatentMetadata metadata;
  for (const std::string& pair : step.extra) {
    const size_t sign = pair.find('=');
    if (sign != std::string::npos)
      metadata[pair.substr(0, sign)] = pair.substr(sign + 1);
  }
  tae::LatentDescription said;
  said.space = info.variant;
  said.layout = LayoutName(info.layout);
  said.domain = DomainName(info.domain);
  said.pred = info.noisy ? "x" : "x0";
  if (info.width > 0 && info.height > 0) {
    said.width = info.width;
    said.height = info.height;
  }
  if (info.fps_n > 0 && info.fps_d > 0)
    said.fps = double(info.fps_n) / info.fps_d;
  if (step.step) said.step = int(std::min<guint>(*step.step, G_MAXINT));
  if (step.total_steps)
    said.steps = int(std::min<guint>(*step.total_steps, G_MAXINT));
  said.sigma = step.sigma;
  said.sigma_next = step.sigma_next;
  said.timestep = step.timestep;
  if (step.final) said.final = true;
  said.gen = step.prompt_id;
  said.seed = step.seed;
  said.prompt = prompt;
  tae::StoreDescription(said, &metadata);
  return metadata;
}

}  // namespace taegst
