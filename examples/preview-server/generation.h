// One generation as far as it is kept.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "batch_item.h"
#include "bytes.h"
#include "common/latent_meta.h"

namespace preview {

// One latent of a generation; the picture comes a little later, or never when
// the decoder left it out.
struct Step {
  uint64_t index =
      0;  // counts what came, from 0; stays when others are dropped
  guint64 key = 0;
  taegst::LatentStep said;
  gint64 time = 0;         // of arrival, g_get_monotonic_time()
  Bytes latent;            // null: in the generation's file
  uint64_t kept_at = 0;    // there
  uint64_t kept_size = 0;  // there; 0 = it is in memory alone
  int width = 0;
  int height = 0;
  unsigned version = 0;  // of the picture, 0 = there is none yet
  Bytes picture;
  Bytes thumbnail;
  std::optional<double> change;
  bool converged = false;
  gint64 nonfinite = 0;
  double decode_ms = 0;
  std::string method;

  size_t size() const {
    return SizeOf(latent) + SizeOf(picture) + SizeOf(thumbnail);
  }
};

struct Generation {
  uint64_t id = 0;
  std::string name;    // as the producer calls it
  BatchItem place;     // in a batch, of which others are generations too
  uint64_t batch = 0;  // of those all the same: the first one's id
  std::string prompt;
  std::optional<guint64> seed;
  gint64 begin = 0;  // g_get_monotonic_time() of the first latent
  gint64 last = 0;   // of the newest
  gint64 date = 0;   // of the first, seconds since 1970
  bool final = false;
  bool stop = false;  // somebody asked the producer to end it
  uint64_t came = 0;  // latents, those no longer kept too
  std::deque<Step> steps;
  std::string kept;  // the archive's file, of an earlier run; "" = of this
  uint64_t kept_size = 0;          // bytes of whole latents in it
  std::shared_ptr<GstSample> raw;  // the newest picture, not compressed
  Bytes timelapse;                 // once it was asked for

  const Step* newest_picture() const {
    for (auto step = steps.rbegin(); step != steps.rend(); ++step)
      if (step->picture) return &*step;
    return nullptr;
  }
  // The newest one that has a picture, or gets it when somebody asks.
  const Step* newest_shown() const {
    return kept.empty() || steps.empty() ? newest_picture() : &steps.back();
  }
  const Step* Find(uint64_t index) const {
    return const_cast<Generation*>(this)->Find(index);
  }
  Step* Find(uint64_t index) {
    for (Step& step : steps)
      if (step.index == index) return &step;
    return nullptr;
  }
  size_t size() const {
    size_t bytes = SizeOf(timelapse);
    for (const Step& step : steps) bytes += step.size();
    GstBuffer* buffer = raw ? gst_sample_get_buffer(raw.get()) : nullptr;
    return bytes + (buffer ? gst_buffer_get_size(buffer) : 0);
  }
};

// Texts of producers, as much as is kept of one.
std::string ShortText(std::string text);

// Every other step goes, never the first or the newest.
void Thin(Generation* generation);

}  // namespace preview
