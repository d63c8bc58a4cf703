#include "taedecode/painter.h"

#include <algorithm>
#include <string>
#include <utility>

namespace taegst {
namespace {

const char kNoMemory[] = "no memory for a picture";

bool NeedsShrinking(const std::vector<tae::LadderRung>& rungs) {
  return std::any_of(rungs.begin(), rungs.end(),
                     [](const tae::LadderRung& r) { return r.shrink > 1; });
}

// `view` holds the picture of the latent that `changed` saw before. What was
// interrupted is no picture; and numbers that are not finite are only counted
// in rows that are read, so after such a latent all are.
tae::Status BringUpToDate(tae::Decoder* decoder, const tae::LatentView& latent,
                          const tae::FrameView& view, tae::ChangedRows* changed,
                          tae::DecodeReport* report) {
  TAE_RETURN_IF_ERROR(changed->Update(latent));
  const tae::Status status =
      decoder->DecodeChanged(latent, changed->rows(), view, report);
  if (!status.ok() || report->interrupted || report->nonfinite > 0)
    changed->Forget();
  return status;
}

}  // namespace

tae::Status Painter::SetScene(Scene scene) {
  scene_ = std::move(scene);
  converter_.reset();
  unconverted_ = {};
  large_.clear();
  kept_.clear();
  // Shared chroma is not shrunk: that is done to RGB.
  const auto* format = gst_video_format_get_info(scene_.format.written);
  if (NeedsShrinking(scene_.rungs) && GST_VIDEO_FORMAT_INFO_IS_YUV(format))
    scene_.format = ByWayOfRgb(scene_.format.shown);
  std::erase_if(decoders_, [&](const auto& entry) {
    return std::none_of(scene_.rungs.begin(), scene_.rungs.end(),
                        [&](const auto& r) { return r.model == entry.first; });
  });
  if (scene_.format.converted()) TAE_RETURN_IF_ERROR(MakeConverter());
  return Prepare(scene_.rungs[scene_.first]);
}

tae::Status Painter::MakeConverter() {
  unconverted_ = MakeSketch(1);
  GstStructure* config = gst_structure_new(
      "converter", GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT,
      static_cast<guint>(threads_->workers()), nullptr);
  converter_.reset(
      gst_video_converter_new(&unconverted_.info, &scene_.shown, config));
  if (converter_ != nullptr) return {};
  return tae::Unsupported(std::string("GStreamer cannot convert to ") +
                          gst_video_format_to_string(scene_.format.shown));
}

Painter::Sketch Painter::MakeSketch(int scale) const {
  Sketch sketch;
  gst_video_info_set_format(&sketch.info, scene_.format.written,
                            scene_.shown.width * scale,
                            scene_.shown.height * scale);
  SetColorimetry(&sketch.info);
  sketch.info.fps_n = scene_.shown.fps_n;  // the converter wants them equal
  sketch.info.fps_d = scene_.shown.fps_d;
  sketch.buffer.reset(gst_buffer_new_allocate(
      nullptr, GST_VIDEO_INFO_SIZE(&sketch.info), nullptr));
  return sketch;
}

tae::Decoder& Painter::DecoderOf(const tae::LadderRung& rung) {
  tae::DecoderOptions options;
  options.parallel = threads_;
  options.cancel = cancel_;
  return decoders_.try_emplace(rung.model, rung.model, std::move(options))
      .first->second;
}

tae::Status Painter::Prepare(const tae::LadderRung& rung) {
  return DecoderOf(rung).Prepare({.latent = scene_.latent,
                                  .precision = scene_.precision,
                                  .format = scene_.format.pixel,
                                  .rung = rung.rung});
}

tae::Status Painter::Paint(size_t rung, const tae::LatentView& latent,
                           GstVideoFrame* shown, tae::DecodeReport* report) {
  if (converter_ == nullptr) return Draw(rung, latent, shown, report);
  if (unconverted_.buffer == nullptr) return tae::OutOfMemory(kNoMemory);
  FrameMap written(&unconverted_.info, unconverted_.buffer.get());
  if (!written.ok()) return tae::OutOfMemory(kNoMemory);
  TAE_RETURN_IF_ERROR(Draw(rung, latent, written.frame(), report));
  if (!report->interrupted)
    gst_video_converter_frame(converter_.get(), written.frame(), shown);
  return {};
}

// Null where the rung decodes straight into the frame.
Painter::Sketch* Painter::SketchFor(size_t rung) {
  const tae::LadderRung& way = scene_.rungs[rung];
  const bool keeps =
      scene_.change_only && DecoderOf(way).stats().leaves_out_rows;
  if (way.shrink == 1 && !keeps) return nullptr;
  Sketch& sketch = keeps ? kept_[rung] : large_[way.shrink];
  if (sketch.buffer == nullptr) sketch = MakeSketch(way.shrink);
  return &sketch;
}

tae::Status Painter::Draw(size_t rung, const tae::LatentView& latent,
                          GstVideoFrame* written, tae::DecodeReport* report) {
  const tae::LadderRung& way = scene_.rungs[rung];
  TAE_RETURN_IF_ERROR(Prepare(way));
  const tae::PixelFormat pixel = scene_.format.pixel;
  Sketch* sketch = SketchFor(rung);
  if (sketch == nullptr)
    return DecoderOf(way).Decode(latent, ViewOf(written, pixel), report);
  if (sketch->buffer == nullptr) return tae::OutOfMemory(kNoMemory);
  FrameMap drawn(&sketch->info, sketch->buffer.get());
  if (!drawn.ok()) return tae::OutOfMemory(kNoMemory);
  const tae::FrameView view = ViewOf(drawn.frame(), pixel);
  if (kept_.count(rung) > 0)
    TAE_RETURN_IF_ERROR(
        BringUpToDate(&DecoderOf(way), latent, view, &sketch->changed, report));
  else
    TAE_RETURN_IF_ERROR(DecoderOf(way).Decode(latent, view, report));
  if (report->interrupted) return {};
  if (way.shrink > 1)
    return tae::ShrinkFrame(view, ViewOf(written, pixel), threads_.get());
  if (gst_video_frame_copy(written, drawn.frame())) return {};
  return tae::Internal("the kept picture is not of the frame's format");
}

}  // namespace taegst
