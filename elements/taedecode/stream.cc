// One stream's model and formats: what happens before the first picture.
#include "taedecode/stream.h"

#include <utility>

#include "common/status_gst.h"
#include "tae/variant.h"

#define GST_CAT_DEFAULT gst_tae_decode_debug
GST_DEBUG_CATEGORY_EXTERN(GST_CAT_DEFAULT);

namespace taegst {

Stream::Stream(GstVideoDecoder* element, Settings settings)
    : element_(element),
      settings_(std::move(settings)),
      threads_(
          tae::MakeThreadPool({.threads = static_cast<int>(settings_.threads),
                               .nice = settings_.nice})),
      cancel_(std::make_shared<std::atomic<bool>>(false)),
      painter_(threads_, cancel_),
      refiner_(cancel_) {}

// The properties that are texts.
tae::Status Stream::ReadSettings() {
  auto batch = ParseBatch(settings_.batch);
  if (!batch.ok()) return batch.status();
  batch_ = *batch;
  if (settings_.variant.empty()) return {};
  const tae::VariantInfo* info = tae::FindVariant(settings_.variant);
  if (info == nullptr) return tae::UnknownVariant(settings_.variant);
  settings_.variant = info->name;
  return {};
}

bool Stream::Start() {
  const int wanted =
      tae::WantedThreads({.threads = static_cast<int>(settings_.threads)});
  if (threads_->workers() < wanted)
    PostWarning(GST_ELEMENT(element_),
                {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT},
                "the system refused threads: " + std::to_string(wanted) +
                    " were asked for, pictures are made with " +
                    std::to_string(threads_->workers()) +
                    "; set n-threads lower or raise the limit of processes");
  if (const tae::Status status = ReadSettings(); !status.ok()) {
    PostError(GST_ELEMENT(element_), status, Subject::kWeights);
    return false;
  }
  const std::string& variant = settings_.variant;
  const Method method = MethodFor(RequestFor(variant));
  const bool file = (method == Method::kAuto || method == Method::kTae) &&
                    !settings_.model_file.empty();
  if (variant.empty() && !file) return true;
  const auto refusal = UseModel(variant);
  if (refusal)
    PostError(GST_ELEMENT(element_), refusal->why, refusal->subject, {},
              refusal->where);
  return !refusal;
}

ModelRequest Stream::RequestFor(const std::string& variant) const {
  return {.method = settings_.method,
          .variant = variant,
          .model_file = settings_.model_file,
          .quality = settings_.quality.quality};
}

std::optional<Refusal> Stream::UseModel(const std::string& variant) {
  if (chosen_ && model_variant_ == variant) return std::nullopt;
  auto chosen = ChooseModel(RequestFor(variant));
  if (!chosen.ok())
    return Refusal{chosen.status(), Subject::kWeights, /*no_decoder=*/true};
  TakeModel(*std::move(chosen), variant);
  return std::nullopt;
}

void Stream::TakeModel(ChosenModel chosen, const std::string& variant) {
  chosen_ = std::move(chosen);
  model_variant_ = variant;
  const tae::ModelInfo& info = chosen_->info();
  for (const std::string& warning : chosen_->warnings)
    PostWarning(GST_ELEMENT(element_),
                GstErrorCodeOf(chosen_->method == Method::kLinear
                                   ? tae::StatusCode::kNotFound
                                   : tae::StatusCode::kDataLoss,
                               Subject::kWeights),
                warning);
  if (!chosen_->note.empty())
    PostInfo(GST_ELEMENT(element_),
             {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND}, chosen_->note);
  GST_INFO_OBJECT(element_, "model %s, variant %s, from %s",
                  info.architecture.c_str(), info.variant.c_str(),
                  info.path.empty() ? "(built in)" : info.path.c_str());
  std::lock_guard lock(mutex_);
  model_channels_ = info.latent_channels;
  stats_.variant = info.variant;
  stats_.method = MethodName(chosen_->method);
  stats_.weights = info.path;
}

// Where neither the property nor the caps name the space: from the channels.
std::optional<Refusal> Stream::GuessVariant(std::string* variant) {
  const auto likely = tae::VariantsWithChannels(latent_->channels);
  if (likely.empty())
    return Refusal{
        tae::Unsupported("no latent space with " +
                         std::to_string(latent_->channels) +
                         " channels is known; set the property variant or the "
                         "caps field of that name, and let the program send "
                         "its latent's space"),
        Subject::kLatent,
        /*no_decoder=*/true};
  *variant = likely.front()->name;
  if (likely.size() > 1 && !std::exchange(warned_guess_, true))
    PostWarning(GST_ELEMENT(element_),
                {GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE},
                "A latent of " + std::to_string(latent_->channels) +
                    " channels is taken for " + *variant +
                    "; set the property variant if it is not.");
  return std::nullopt;
}

std::optional<Refusal> Stream::MatchModel() {
  std::string variant = settings_.variant;
  if (variant.empty()) variant = latent_->variant;
  const bool file_says = chosen_ && model_variant_.empty();
  if (variant.empty() && !file_says)
    if (auto refusal = GuessVariant(&variant)) return refusal;
  if (auto refusal = UseModel(variant)) return refusal;
  const tae::ModelInfo& info = chosen_->info();
  if (latent_->channels != info.latent_channels)
    return Refusal{tae::Unsupported(
        "the latent has " + std::to_string(latent_->channels) +
        " channels, variant " + info.variant + " takes " +
        std::to_string(info.latent_channels) +
        (settings_.variant.empty() ? "" : "; variant=auto takes any"))};
  if (!latent_->variant.empty() && latent_->variant != info.variant)
    return Refusal{tae::Unsupported(
        "the latent is of variant " + latent_->variant +
        ", the decoder of variant " + info.variant +
        (settings_.variant.empty() ? "" : "; variant=auto takes both"))};
  return std::nullopt;
}

void Stream::BeginHistory() {
  const tae::VariantInfo* space = tae::FindVariant(chosen_->info().variant);
  history_.emplace(*latent_, space != nullptr
                                 ? space->noise
                                 : tae::NoiseProcess::kFlowMatching);
}

bool Stream::SetFormat(GstVideoCodecState* input) {
  policy_.BeginGeneration();
  latent_.reset();
  output_.reset();
  untold_.reset();
  sign_text_.clear();
  if (distrusted_)
    return RefuseFormat({*std::exchange(distrusted_, std::nullopt)});
  auto latent = LatentInfoFromCaps(input->caps);
  if (!latent.ok()) return RefuseFormat({latent.status()});
  input_.reset(gst_video_codec_state_ref(input));
  latent_ = *std::move(latent);
  if (auto refusal = MatchModel()) {
    if (!refusal->no_decoder || !IsLive())
      return RefuseFormat(*std::move(refusal));
    StandIn(*std::move(refusal));
  }
  if (auto refusal = ConfigureOutput(); refusal && !IsLive())
    return RefuseFormat(*std::move(refusal));
  output_changed_ = true;
  if (sign_text_.empty()) BeginHistory();
  return true;
}

int Stream::model_channels() const {
  std::lock_guard lock(mutex_);
  return model_channels_;
}

DecodeStats Stream::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace taegst
