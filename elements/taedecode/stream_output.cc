// One stream's output: what is negotiated, and when. A picture keeps the format
// that it was begun in: what downstream asks for meanwhile is for the next one.
#include <utility>

#include "tae/variant.h"
#include "taedecode/output_mismatch.h"
#include "taedecode/stream.h"

#define GST_CAT_DEFAULT gst_tae_decode_debug
GST_DEBUG_CATEGORY_EXTERN(GST_CAT_DEFAULT);

namespace taegst {
namespace {

// A rung that would draw more pixels than `limit`, to shrink them or not.
void DropTooLarge(const OutputSize& size, guint64 limit,
                  std::vector<tae::LadderRung>* rungs) {
  std::erase_if(*rungs, [&](const tae::LadderRung& rung) {
    const auto shrink = static_cast<guint64>(rung.shrink);
    return size.pixels() * shrink * shrink > limit;
  });
}

}  // namespace

bool Stream::Negotiate(const std::function<bool()>& negotiate_base) {
  if (drawing_) {
    renegotiate_ = true;
    return true;
  }
  unsettled_ = ConfigureOutput();
  if (unsettled_) {
    GST_WARNING_OBJECT(element_, "%s", unsettled_->why.message().c_str());
    return false;
  }
  if (!negotiate_base()) return false;
  output_changed_ = false;
  return true;
}

// Nothing: a picture can be drawn. Else what to return without one.
std::optional<GstFlowReturn> Stream::SettleOutput(
    const std::optional<LatentStep>& step) {
  GstPad* pad = GST_VIDEO_DECODER_SRC_PAD(element_);
  if (!output_changed_ && !gst_pad_needs_reconfigure(pad)) return std::nullopt;
  unsettled_.reset();
  if (gst_video_decoder_negotiate(element_)) return std::nullopt;
  if (GST_PAD_IS_FLUSHING(pad)) return GST_FLOW_FLUSHING;
  Refusal refusal = unsettled_.value_or(Refusal{tae::Unsupported(
      "downstream refuses the frames of taedecode although its caps allow "
      "them; an element behind taedecode said no to the caps event")});
  return RefuseLatent(refusal, step);
}

// Whether downstream has changed its mind, and takes the frame that is drawn no
// more. (Where it takes it, the change is for the next one.)
bool Stream::IsOutdated() const {
  GstPad* pad = GST_VIDEO_DECODER_SRC_PAD(element_);
  if (!gst_pad_needs_reconfigure(pad)) return false;
  const GstPtr<GstCaps> caps(gst_pad_get_current_caps(pad));
  return caps != nullptr && !gst_pad_peer_query_accept_caps(pad, caps.get());
}

GstFlowReturn Stream::NewFrame(GstVideoCodecFrame* frame) {
  drawing_ = true;
  const GstFlowReturn flow =
      gst_video_decoder_allocate_output_frame(element_, frame);
  drawing_ = false;
  if (std::exchange(renegotiate_, false))
    gst_pad_mark_reconfigure(GST_VIDEO_DECODER_SRC_PAD(element_));
  return flow;
}

// The base class would negotiate here what the next frame is to be, and then
// push this one.
GstFlowReturn Stream::Finish(FramePtr frame) {
  drawing_ = true;
  const GstFlowReturn flow =
      gst_video_decoder_finish_frame(element_, frame.release());
  drawing_ = false;
  if (std::exchange(renegotiate_, false))
    gst_pad_mark_reconfigure(GST_VIDEO_DECODER_SRC_PAD(element_));
  return flow;
}

std::vector<OutputSize> Stream::Sizes() const {
  return OfferedSizes(settings_.quality, latent_->extent, Grid(),
                      PixelsPerLatent());
}

GridShape Stream::Grid() const { return GridOf(batch_, latent_->batch); }

int Stream::PixelsPerLatent() const {
  if (sign_text_.empty()) return chosen_->info().pixels_per_latent;
  const tae::VariantInfo* space = tae::FindVariant(latent_->variant);
  return space != nullptr ? space->pixels_per_latent : 8;
}

std::optional<Refusal> Stream::ConfigureOutput() {
  if (!latent_) return std::nullopt;
  refiner_.Finish();
  const std::vector<OutputSize> sizes = Sizes();
  {
    std::lock_guard lock(mutex_);
    offered_ = CapsOfSizes(sizes);
  }
  const GstPtr<GstCaps> peer(
      gst_pad_peer_query_caps(GST_VIDEO_DECODER_SRC_PAD(element_), nullptr));
  for (const OutputSize& size : sizes)
    if (const auto format = PickOutput(peer.get(), size, input_->info))
      return SetOutput(*format, size);
  return Refusal{
      tae::Unsupported(DescribeMismatch(peer.get(), sizes, input_->info))};
}

// Frames in a format. The same as before: what was prepared, measured and kept
// goes on to serve.
std::optional<Refusal> Stream::SetOutput(const OutputFormat& format,
                                         const OutputSize& size) {
  const Output output{format, size};
  if (output_ == output) return std::nullopt;
  output_.reset();
  last_picture_.Clear();
  const GstVideoInfo shown = ShownInfo(format.shown, size, input_->info);
  if (!sign_text_.empty()) {
    if (size.pixels() > settings_.max_pixels) return TooLarge(size);
  } else if (auto refusal = SetScene(format, size, shown)) {
    return refusal;
  }
  const GstPtr<GstVideoCodecState> state(gst_video_decoder_set_output_state(
      element_, format.shown, size.width, size.height, input_.get()));
  SetColorimetry(&state->info);
  output_changed_ = true;
  output_ = output;
  return std::nullopt;
}

Refusal Stream::TooLarge(const OutputSize& size) const {
  return {tae::Unsupported(
      "a picture of " + std::to_string(size.width) + "x" +
      std::to_string(size.height) + " is over the property max-pixels=" +
      std::to_string(settings_.max_pixels) +
      "; raise that, or set max-size or scale for a smaller picture")};
}

std::optional<Refusal> Stream::SetScene(const OutputFormat& format,
                                        const OutputSize& size,
                                        const GstVideoInfo& shown) {
  auto rungs = RungsOf(*chosen_, settings_.quality.quality, size.scale);
  if (!rungs.ok()) return Refusal{rungs.status()};
  DropTooLarge(size, settings_.max_pixels, &*rungs);
  if (rungs->empty()) return TooLarge(size);
  const size_t first = settings_.quality.anytime ? 0 : rungs->size() - 1;
  const tae::Status status =
      painter_.SetScene({.latent = latent_->extent,
                         .grid = size.grid,
                         .precision = settings_.precision,
                         .format = format,
                         .shown = shown,
                         .rungs = *std::move(rungs),
                         .first = first,
                         .change_only = settings_.change_only});
  if (!status.ok()) return Refusal{status};
  quality_.SetRungs(painter_.rungs());
  return std::nullopt;
}

GstPtr<GstCaps> Stream::OfferedCaps() const {
  std::lock_guard lock(mutex_);
  return GstPtr<GstCaps>(offered_ != nullptr ? gst_caps_ref(offered_.get())
                                             : nullptr);
}

}  // namespace taegst
