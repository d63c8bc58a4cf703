// The seam between a plan and what runs it. One executor serves one stream of
// one plan; everything that it needs is allocated when it is made.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "model/model.h"
#include "model/vae_domain.h"
#include "plan/plan.h"
#include "tae/decoder.h"
#include "tae/parallel.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

// Sees the tensor that a step wrote: [height][width][channels] floats, valid
// during the call. For tests and tools: an observed run may allocate.
using StepObserver = std::function<void(int step, Extent extent, int channels,
                                        const float* values)>;

// Threads: one caller at a time.
class Executor {
 public:
  virtual ~Executor() = default;

  // Decodes. latent and frame fit the plan (the facade checked). Allocates
  // nothing unless it is observed. Work that was left out because of the cancel
  // flag is told in the report.
  virtual void Run(const LatentView& latent, const FrameView& frame,
                   DecodeReport* report) noexcept = 0;

  // As Run, for a frame that holds the picture of a latent that differs from
  // this one in rows y with changed[y] != 0 alone (changed: its height). Rows
  // of the frame that depend on none of these stay as they are and are counted
  // in the report. An executor that cannot tell which these are decodes all.
  virtual void RunChanged(const LatentView& latent,
                          std::span<const uint8_t> /*changed*/,
                          const FrameView& frame,
                          DecodeReport* report) noexcept {
    Run(latent, frame, report);
  }
  virtual bool leaves_out_rows() const { return false; }

  // What this executor does for a step, for Dump.
  virtual StepNote Note(int step) const = 0;
  virtual size_t arena_bytes() const = 0;

  // Makes every later Run show each tensor, in step order; null ends it.
  // False where this executor cannot.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): others keep it.
  virtual bool Observe(StepObserver /*observer*/) { return false; }
};

struct ExecutorOptions {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<ParallelFor> parallel;  // null = run in the caller
  std::string cpu = {};  // pins an instruction set; kNative only
  CancelFlag cancel = {};
};

inline bool IsCancelled(const CancelFlag& cancel) {
  return cancel != nullptr && cancel->load(std::memory_order_relaxed);
}

using ExecutorOr = StatusOr<std::unique_ptr<Executor>>;

// Scalar, double sums, one step at a time over whole planes: what right means.
ExecutorOr MakeReferenceExecutor(const ExecutorOptions& options);

// Float, convolutions as matrix products on OpenBLAS (loaded at run time).
// kUnsupported where that library is missing.
ExecutorOr MakeBlasExecutor(const ExecutorOptions& options);

// A plan that is one linear_rgb step. The table reads latents, writes pixels.
struct KernelTable;
ExecutorOr MakeLinearExecutor(const ExecutorOptions& options,
                              const KernelTable& table);

// Picks by backend; kAuto is our kernels where a fast table fits this CPU, else
// OpenBLAS, else our portable kernels.
ExecutorOr MakeExecutor(Backend backend, const ExecutorOptions& options);

}  // namespace tae
