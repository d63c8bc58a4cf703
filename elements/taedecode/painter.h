// From a latent to a frame in memory: decoded on a rung, whole or where it
// changed, shrunk where the rung gives a larger picture, converted where the
// library does not write the format. Threads: one caller at a time.
#pragma once

#include <gst/video/video.h>

#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "common/gst_ptr.h"
#include "tae/changed_rows.h"
#include "tae/ladder.h"
#include "taedecode/output_format.h"

namespace taegst {

// What is painted until the next negotiation.
struct Scene {
  tae::Extent latent;
  GridShape grid;
  tae::Precision precision = tae::Precision::kAuto;
  OutputFormat format;
  GstVideoInfo shown;                  // as negotiated
  std::vector<tae::LadderRung> rungs;  // not empty; all of shown's size
  size_t first = 0;                    // the rung that is needed at once
  bool change_only = false;            // keep pictures, decode what changed
};

class Painter {
 public:
  Painter(std::shared_ptr<tae::ParallelFor> threads, tae::CancelFlag cancel)
      : threads_(std::move(threads)), cancel_(std::move(cancel)) {}

  // Prepares the first rung that is needed; the others when they are used.
  // Errors: as Decoder::Prepare; kUnsupported where GStreamer cannot convert.
  tae::Status SetScene(Scene scene);

  // One latent a cell of the grid. report may not be null; where it says
  // interrupted, the frame is no picture.
  tae::Status Paint(size_t rung, std::span<const tae::LatentView> latents,
                    GstVideoFrame* shown, tae::DecodeReport* report);

  const std::vector<tae::LadderRung>& rungs() const { return scene_.rungs; }

 private:
  // A picture on its way, in the format that the library writes.
  struct Sketch {
    GstVideoInfo info;
    GstPtr<GstBuffer> buffer;
  };

  // What is kept of the latent painted last in a cell, on a rung.
  struct Kept {
    tae::ChangedRows changed;
    Sketch sketch;
    bool is_picture = false;  // sketch is its picture
  };

  tae::Decoder& DecoderOf(const tae::LadderRung& rung);
  tae::Status Prepare(const tae::LadderRung& rung);
  tae::Status MakeConverter();
  void Convert(GstVideoFrame* written, GstVideoFrame* shown);
  Sketch MakeSketch(int width, int height) const;
  tae::Status Draw(size_t rung, std::span<const tae::LatentView> latents,
                   GstVideoFrame* written, tae::DecodeReport* report);
  tae::Status DrawCell(size_t rung, int cell, const tae::LatentView& latent,
                       GstVideoFrame* written, tae::DecodeReport* report);
  tae::Status Deliver(const tae::LadderRung& rung, GstVideoFrame* drawn,
                      int cell, GstVideoFrame* written);
  tae::StatusOr<Kept*> KeptFor(size_t rung, int cell,
                               const tae::LatentView& latent);

  const std::shared_ptr<tae::ParallelFor> threads_;
  const tae::CancelFlag cancel_;
  std::map<std::shared_ptr<const tae::Model>, tae::Decoder> decoders_;
  Scene scene_;
  GstPtr<GstVideoConverter> converter_;  // where the format is converted
  Sketch unconverted_;
  bool converts_cells_ = false;                  // each of them on its own
  std::map<int, Sketch> large_;                  // to be shrunk by the key
  std::map<std::pair<size_t, int>, Kept> kept_;  // of each rung and cell
};

}  // namespace taegst
