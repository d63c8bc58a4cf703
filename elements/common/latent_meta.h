// The `latent-step` custom meta: where in a generation a latent stands. It has
// no tags, so every converter, queue and decoder carries it along, and any
// program reads it with gst_buffer_get_custom_meta().
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

namespace taegst {

// Fields as in the meta's structure; what is absent was not known.
struct LatentStep {
  std::optional<guint> step;         // "step", from 1; 0 is the first noise
  std::optional<guint> total_steps;  // "total-steps"
  // "between": part of the way from this step to the next one, inside (0,1);
  // absent on latents that a sampler made.
  std::optional<double> between;
  std::optional<double> sigma;       // "sigma", noise level of this latent
  std::optional<double> sigma_next;  // "sigma-next", of the latent after it
  std::optional<double> timestep;    // "timestep", as the scheduler counts
  bool final = false;                // "final", the generation's last latent
  std::string prompt_id;             // "prompt-id"
  std::optional<guint64> seed;       // "seed"
  std::string rung;                  // "rung", how the frame was decoded
  // "extra": what else the producer said, "key=value" each.
  std::vector<std::string> extra;

  friend bool operator==(const LatentStep&, const LatentStep&) = default;
};

// Makes the meta known to GStreamer. Any number of times, any thread.
void RegisterLatentStepMeta();

// Sets the meta on a writable buffer, in place of one that is there.
void SetLatentStep(GstBuffer* buffer, const LatentStep& step);

// Nothing where the buffer has no such meta. Numbers may be of any type; fields
// that are none, or out of range, are absent.
// A program that cannot write a custom meta (gst-python gets a copy of its
// structure) adds a GstReferenceTimestampMeta instead, whose reference is
// caps `timestamp/x-latent-step` with the same fields:
//   buffer.add_reference_timestamp_meta(
//       Gst.Caps.from_string('timestamp/x-latent-step,step=3,sigma=0.4'),
//       0, Gst.CLOCK_TIME_NONE)
std::optional<LatentStep> GetLatentStep(GstBuffer* buffer);

// Adds the fields to a structure (of a meta or of a message).
void AddStepFields(GstStructure* structure, const LatentStep& step);

}  // namespace taegst
