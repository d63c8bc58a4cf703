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

bool CameAgain(const tae::ChangedRows& changed) {
  return std::none_of(changed.rows().begin(), changed.rows().end(),
                      [](uint8_t row) { return row != 0; });
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
  unconverted_ = MakeSketch(scene_.shown.width, scene_.shown.height);
  GstVideoInfo from = unconverted_.info, to = scene_.shown;
  // Chroma of two cells is not mixed where they can be converted one by one.
  converts_cells_ =
      HasWholeCells(scene_.format.shown, to.width / scene_.grid.columns,
                    to.height / scene_.grid.rows);
  if (converts_cells_) {
    from.width = to.width /= scene_.grid.columns;
    from.height = to.height /= scene_.grid.rows;
  }
  GstStructure* config = gst_structure_new(
      "converter", GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT,
      static_cast<guint>(threads_->workers()), nullptr);
  converter_.reset(gst_video_converter_new(&from, &to, config));
  if (converter_ != nullptr) return {};
  return tae::Unsupported(std::string("GStreamer cannot convert to ") +
                          gst_video_format_to_string(scene_.format.shown));
}

Painter::Sketch Painter::MakeSketch(int width, int height) const {
  Sketch sketch;
  gst_video_info_set_format(&sketch.info, scene_.format.written, guint(width),
                            guint(height));
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

tae::Status Painter::Paint(size_t rung,
                           std::span<const tae::LatentView> latents,
                           GstVideoFrame* shown, tae::DecodeReport* report) {
  if (converter_ == nullptr) return Draw(rung, latents, shown, report);
  if (unconverted_.buffer == nullptr) return tae::OutOfMemory(kNoMemory);
  FrameMap written(&unconverted_.info, unconverted_.buffer.get());
  if (!written.ok()) return tae::OutOfMemory(kNoMemory);
  TAE_RETURN_IF_ERROR(Draw(rung, latents, written.frame(), report));
  if (!report->interrupted) Convert(written.frame(), shown);
  return {};
}

void Painter::Convert(GstVideoFrame* written, GstVideoFrame* shown) {
  if (!converts_cells_)
    return gst_video_converter_frame(converter_.get(), written, shown);
  for (int cell = 0; cell < scene_.grid.cells(); ++cell) {
    GstVideoFrame from = CutCell(written, scene_.grid, cell);
    GstVideoFrame to = CutCell(shown, scene_.grid, cell);
    gst_video_converter_frame(converter_.get(), &from, &to);
  }
}

// Null where the latent is decoded whole and its picture not kept. Where no
// rows can be left out, one is kept only of a latent that came again: it may
// once more.
tae::StatusOr<Painter::Kept*> Painter::KeptFor(size_t rung, int cell,
                                               const tae::LatentView& latent) {
  if (!scene_.change_only) return nullptr;
  Kept& kept = kept_[{rung, cell}];
  const tae::Status updated = kept.changed.Update(latent);
  if (updated.code() == tae::StatusCode::kOutOfMemory) {
    kept.is_picture = false;
    return nullptr;  // nothing to compare with costs time, no picture
  }
  TAE_RETURN_IF_ERROR(updated);
  if (CameAgain(kept.changed) ||
      DecoderOf(scene_.rungs[rung]).stats().leaves_out_rows)
    return &kept;
  kept.is_picture = false;
  return nullptr;
}

tae::Status Painter::Draw(size_t rung, std::span<const tae::LatentView> latents,
                          GstVideoFrame* written, tae::DecodeReport* report) {
  if (latents.size() != size_t(scene_.grid.count))
    return tae::Internal("a grid of other latents is to be painted");
  *report = {};
  TAE_RETURN_IF_ERROR(Prepare(scene_.rungs[rung]));
  for (int cell = 0; cell < scene_.grid.count; ++cell) {
    tae::DecodeReport one;
    TAE_RETURN_IF_ERROR(
        DrawCell(rung, cell, latents[size_t(cell)], written, &one));
    report->nonfinite += one.nonfinite;
    report->rows_left_out += one.rows_left_out;
    report->interrupted = one.interrupted;
    if (one.interrupted) return {};
  }
  for (int cell = scene_.grid.count; cell < scene_.grid.cells(); ++cell)
    BlackenCell(written, scene_.grid, cell);
  return {};
}

tae::Status Painter::DrawCell(size_t rung, int cell,
                              const tae::LatentView& latent,
                              GstVideoFrame* written,
                              tae::DecodeReport* report) {
  const tae::LadderRung& way = scene_.rungs[rung];
  tae::Decoder& decoder = DecoderOf(way);
  const tae::PixelFormat pixel = scene_.format.pixel;
  const auto found = KeptFor(rung, cell, latent);
  if (!found.ok()) return found.status();
  Kept* const kept = *found;
  if (way.shrink == 1 && kept == nullptr)
    return decoder.Decode(latent, CellOf(written, pixel, scene_.grid, cell),
                          report);
  const bool builds_on =
      kept != nullptr && std::exchange(kept->is_picture, false);
  Sketch& sketch = kept != nullptr ? kept->sketch : large_[way.shrink];
  if (sketch.buffer == nullptr)
    sketch = MakeSketch(scene_.shown.width / scene_.grid.columns * way.shrink,
                        scene_.shown.height / scene_.grid.rows * way.shrink);
  if (sketch.buffer == nullptr) return tae::OutOfMemory(kNoMemory);
  FrameMap drawn(&sketch.info, sketch.buffer.get());
  if (!drawn.ok()) return tae::OutOfMemory(kNoMemory);
  const tae::FrameView view = ViewOf(drawn.frame(), pixel);
  TAE_RETURN_IF_ERROR(
      builds_on
          ? decoder.DecodeChanged(latent, kept->changed.rows(), view, report)
          : decoder.Decode(latent, view, report));
  if (report->interrupted) return {};
  // Numbers that are not finite are counted only in rows that are read: after
  // such a latent all are.
  if (kept != nullptr) kept->is_picture = report->nonfinite == 0;
  return Deliver(way, drawn.frame(), cell, written);
}

// The drawn picture in the size that is shown.
tae::Status Painter::Deliver(const tae::LadderRung& rung, GstVideoFrame* drawn,
                             int cell, GstVideoFrame* written) {
  const tae::PixelFormat pixel = scene_.format.pixel;
  if (rung.shrink > 1)
    return tae::ShrinkFrame(ViewOf(drawn, pixel),
                            CellOf(written, pixel, scene_.grid, cell),
                            threads_.get());
  GstVideoFrame cut = CutCell(written, scene_.grid, cell);
  if (gst_video_frame_copy(&cut, drawn)) return {};
  return tae::Internal("the kept picture is not of the frame's format");
}

}  // namespace taegst
