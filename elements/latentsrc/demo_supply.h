// Generations without a model: from seeded noise to a picture, one after
// another, for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "latentsrc/demo_latent.h"
#include "latentsrc/demo_run.h"
#include "latentsrc/latent_supply.h"
#include "tae/variant.h"

namespace taegst {

struct DemoSettings {
  std::string variant;  // "" = what downstream takes, flux2 first
  DemoPattern pattern = DemoPattern::kCycle;
  int width = 512;  // pixels, rounded down to whole latent pixels
  int height = 512;
  int steps = 28;
  bool noisy = false;  // the sampler's x, not the estimate of x0
  uint64_t seed = 0;   // of the first generation; the next has the next
  GstClockTime step_time = 100 * GST_MSECOND;
};

// A generation is settings.steps latents, then its last one again for a
// quarter as long, so that the picture can be looked at.
class DemoSupply final : public LatentSupply {
 public:
  explicit DemoSupply(const DemoSettings& settings) : settings_(settings) {}

  GstPtr<GstCaps> Negotiate(GstCaps* allowed) override;
  bool caps_come_with_latents() const override { return false; }
  tae::StatusOr<Supplied> Next(SuppliedLatent* latent) override;
  bool Seek(guint64 number) override;

 private:
  LatentInfo InfoFor(const tae::VariantInfo& space) const;
  guint64 LatentsAGeneration() const;
  tae::Status Begin(guint64 generation);
  GstPtr<GstBuffer> MakeBuffer(int done) const;

  const DemoSettings settings_;
  LatentInfo info_;
  guint64 next_ = 0;
  DemoRun run_;
  std::optional<guint64> generation_;  // that run_ holds
};

// What is to be said where Negotiate finds nothing; the variant as it was set.
tae::Status NoDemoIsTaken(const std::string& variant, GstCaps* allowed);

}  // namespace taegst
