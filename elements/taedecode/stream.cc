// One stream's model and formats: what happens before the first picture.
#include "taedecode/stream.h"

#include <utility>

#include "common/status_gst.h"
#include "common/variant_enum.h"
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

bool Stream::Start() {
  const std::string variant(VariantName(settings_.variant));
  const Method method = MethodFor(RequestFor(variant));
  const bool file = (method == Method::kAuto || method == Method::kTae) &&
                    !settings_.model_file.empty();
  return (variant.empty() && !file) || UseModel(variant);
}

ModelRequest Stream::RequestFor(const std::string& variant) const {
  return {.method = settings_.method,
          .variant = variant,
          .model_file = settings_.model_file,
          .quality = settings_.quality.quality};
}

bool Stream::UseModel(const std::string& variant) {
  if (chosen_ && model_variant_ == variant) return true;
  auto chosen = ChooseModel(RequestFor(variant));
  if (!chosen.ok()) {
    PostError(GST_ELEMENT(element_), chosen.status(), Subject::kWeights);
    return false;
  }
  chosen_ = *std::move(chosen);
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
  return true;
}

// Where neither the property nor the caps name the space: from the channels.
bool Stream::GuessVariant(std::string* variant) {
  const auto likely = tae::VariantsWithChannels(latent_->channels);
  if (likely.empty()) {
    PostError(GST_ELEMENT(element_),
              tae::Unsupported("no latent space with " +
                               std::to_string(latent_->channels) +
                               " channels is known; set the property variant "
                               "or the caps field of that name"),
              Subject::kLatent);
    return false;
  }
  *variant = likely.front()->name;
  if (likely.size() > 1 && !std::exchange(warned_guess_, true))
    PostWarning(GST_ELEMENT(element_),
                {GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE},
                "A latent of " + std::to_string(latent_->channels) +
                    " channels is taken for " + *variant +
                    "; set the property variant if it is not.");
  return true;
}

bool Stream::MatchModel() {
  std::string variant(VariantName(settings_.variant));
  if (variant.empty()) variant = latent_->variant;
  const bool file_says = chosen_ && model_variant_.empty();
  if (variant.empty() && !file_says && !GuessVariant(&variant)) return false;
  if (!UseModel(variant)) return false;
  const tae::ModelInfo& info = chosen_->info();
  tae::Status status;
  if (latent_->channels != info.latent_channels) {
    status =
        tae::Unsupported("the latent has " + std::to_string(latent_->channels) +
                         " channels, variant " + info.variant + " takes " +
                         std::to_string(info.latent_channels));
  } else if (!latent_->variant.empty() && latent_->variant != info.variant) {
    status = tae::Unsupported("the latent is of variant " + latent_->variant +
                              ", the decoder of variant " + info.variant);
  }
  if (status.ok()) return true;
  PostError(GST_ELEMENT(element_), status, Subject::kLatent);
  return false;
}

void Stream::BeginHistory() {
  const tae::VariantInfo* space = tae::FindVariant(chosen_->info().variant);
  history_.emplace(*latent_, space != nullptr
                                 ? space->noise
                                 : tae::NoiseProcess::kFlowMatching);
}

bool Stream::SetFormat(GstVideoCodecState* input) {
  auto latent = LatentInfoFromCaps(input->caps);
  if (!latent.ok()) {
    PostError(GST_ELEMENT(element_), latent.status(), Subject::kLatent);
    return false;
  }
  input_.reset(gst_video_codec_state_ref(input));
  latent_ = *std::move(latent);
  policy_.BeginGeneration();
  if (MatchModel() && ConfigureOutput()) {
    BeginHistory();
    return true;
  }
  latent_.reset();
  return false;
}

bool Stream::ConfigureOutput() {
  if (!latent_) return true;
  refiner_.Finish();
  const guint64 scale = chosen_->info().pixels_per_latent;
  const guint64 width = latent_->extent.width * scale;
  const guint64 height = latent_->extent.height * scale;
  if (width * height > settings_.max_pixels) {
    PostError(GST_ELEMENT(element_),
              tae::Unsupported("a picture of " + std::to_string(width) + "x" +
                               std::to_string(height) +
                               " is over the property max-pixels=" +
                               std::to_string(settings_.max_pixels)),
              Subject::kLatent);
    return false;
  }
  GstPtr<GstCaps> offered = CapsOfSizes(Sizes());
  {
    std::lock_guard lock(mutex_);
    offered_ = std::move(offered);
  }
  const GstPtr<GstCaps> peer(
      gst_pad_peer_query_caps(GST_VIDEO_DECODER_SRC_PAD(element_), nullptr));
  for (const OutputSize& size : Sizes())
    if (const auto format = PickOutput(peer.get(), size.width, size.height))
      return SetOutput(*format, size);
  GST_WARNING_OBJECT(
      element_,
      "downstream takes no picture of %" G_GUINT64_FORMAT "x%" G_GUINT64_FORMAT
      ", nor a smaller one that is offered, only %" GST_PTR_FORMAT,
      width, height, peer.get());
  return false;
}

std::vector<OutputSize> Stream::Sizes() const {
  const int scale = chosen_->info().pixels_per_latent;
  return OfferedSizes(settings_.quality, latent_->extent.width * scale,
                      latent_->extent.height * scale, scale);
}

bool Stream::SetOutput(const OutputFormat& format, const OutputSize& size) {
  const GstPtr<GstVideoCodecState> state(gst_video_decoder_set_output_state(
      element_, format.shown, size.width, size.height, input_.get()));
  SetColorimetry(&state->info);
  last_picture_.Clear();
  auto rungs = RungsOf(*chosen_, settings_.quality.quality, size.scale);
  tae::Status status = rungs.status();
  if (rungs.ok()) {
    const size_t first = settings_.quality.anytime ? 0 : rungs->size() - 1;
    status = painter_.SetScene({.latent = latent_->extent,
                                .precision = settings_.precision,
                                .format = format,
                                .shown = state->info,
                                .rungs = *std::move(rungs),
                                .first = first,
                                .change_only = settings_.change_only});
  }
  if (status.ok()) {
    quality_.SetRungs(painter_.rungs());
    return true;
  }
  PostError(GST_ELEMENT(element_), status, Subject::kLatent);
  return false;
}

int Stream::model_channels() const {
  std::lock_guard lock(mutex_);
  return model_channels_;
}

GstPtr<GstCaps> Stream::OfferedCaps() const {
  std::lock_guard lock(mutex_);
  return GstPtr<GstCaps>(offered_ != nullptr ? gst_caps_ref(offered_.get())
                                             : nullptr);
}

DecodeStats Stream::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace taegst
