// Where latentsrc takes its latents from: one class a kind of place.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <optional>
#include <string>

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "tae/latent_stream.h"
#include "tae/status.h"

namespace taegst {

struct SuppliedLatent {
  LatentInfo info;
  GstPtr<GstBuffer> buffer;
  LatentStep step;
  GstPtr<GstTagList> tags;  // of its generation; may be null
  std::string from;         // for people: which program; may be ""
  size_t bytes = 0;  // that it takes in memory, metadata included, roughly
};

// What the user says of latents, each "" where he does not: it replaces what
// the latents say of themselves.
struct LatentOverrides {
  std::string variant;  // a name that tae::FindVariant knows
  std::string domain;   // as in the metadata
  std::string layout;
};

enum class Supplied { kLatent, kEnd, kFlushing };

// One caller, the streaming thread, but for Unlock and AddStats.
class LatentSupply {
 public:
  virtual ~LatentSupply() = default;

  // Fixed caps for all that comes next, out of what downstream allows; null
  // when none fits. Not called where caps come with each latent.
  virtual GstPtr<GstCaps> Negotiate(GstCaps* /*allowed*/) { return nullptr; }
  virtual bool caps_come_with_latents() const { return true; }

  // The next latent; waits for it where that takes time. An error ends the
  // stream, after all that came before it.
  virtual tae::StatusOr<Supplied> Next(SuppliedLatent* latent) = 0;

  // Any thread: makes a waiting Next return kFlushing, until `off`.
  virtual void Unlock() {}
  virtual void UnlockStop() {}

  // Any thread: takes nothing more in; what came before is given out, then the
  // end. False where that is not so, and the stream may end at once.
  virtual bool Finish() { return false; }

  // Latent `number`, from 0, comes next. False where one cannot go back.
  virtual bool Seek(guint64 /*number*/) { return false; }
  // All that there are, where that is known.
  virtual std::optional<guint64> count() const { return std::nullopt; }
  // Any thread: latents that came and were replaced by newer ones.
  virtual guint64 dropped() const { return 0; }
  // Any thread.
  virtual void AddStats(GstStructure* /*stats*/) const {}
};

// For what costs a latent and not the stream.
using Warn = std::function<void(const tae::Status&)>;

// A message, of one latent or a batch, as a latent. The buffer takes the
// payload over. Errors: as InfoOfMessage, and kUnsupported for what caps cannot
// say.
tae::StatusOr<SuppliedLatent> FromMessage(tae::LatentMessage message,
                                          const LatentOverrides& overrides);

}  // namespace taegst
