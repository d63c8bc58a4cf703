// The facade: a model, a cache of recent plans, checks of what comes in.
#include "tae/decoder.h"

#include <algorithm>
#include <new>
#include <string>

#include "base/checked_math.h"
#include "base/pixel_format.h"
#include "exec/executor.h"
#include "model/model.h"
#include "model/packed_weights.h"
#include "model/vae_domain.h"
#include "plan/plan.h"

namespace tae {
namespace {

// A stream changes size rarely; a viewer toggles between two or three. Plans
// that are not in use keep no more memory than this.
constexpr size_t kCachedPlans = 4;
constexpr size_t kCachedBytes = size_t{128} << 20;

std::string SizeText(Extent extent) {
  return std::to_string(extent.width) + "x" + std::to_string(extent.height);
}

bool IsPatched(LatentLayout layout) {
  return layout != LatentLayout::kNchw && layout != LatentLayout::kNhwc;
}

Status CheckLatent(const Plan& plan, const LatentView& latent,
                   bool knows_vae_domain) {
  if (latent.data == nullptr) return InvalidArgument("latent has no data");
  if (latent.channels != plan.latent_channels)
    return InvalidArgument("latent has " + std::to_string(latent.channels) +
                           " channels, the model takes " +
                           std::to_string(plan.latent_channels));
  if (latent.extent != plan.key.latent)
    return InvalidArgument("latent is " + SizeText(latent.extent) +
                           ", the plan was prepared for " +
                           SizeText(plan.key.latent));
  const auto expected = CheckedProduct(std::initializer_list<int64_t>{
      latent.channels, latent.extent.height, latent.extent.width,
      int64_t(SizeOf(latent.dtype))});
  if (!expected || latent.size != *expected)
    return InvalidArgument("latent of " + std::to_string(latent.channels) +
                           "x" + SizeText(latent.extent) + " must have " +
                           std::to_string(expected.value_or(0)) +
                           " bytes, found " + std::to_string(latent.size));
  if (IsPatched(latent.layout) &&
      (latent.extent.height % 2 != 0 || latent.extent.width % 2 != 0))
    return InvalidArgument("a packed latent of " + SizeText(latent.extent) +
                           ": both sides must be even");
  if (latent.domain == LatentDomain::kVae && !knows_vae_domain)
    return Unsupported(
        "the VAE's constants of this space are not known; pass the latent as "
        "the sampler sees it");
  return {};
}

Status CheckFrame(const Plan& plan, const FrameView& frame) {
  if (frame.format != plan.key.format)
    return InvalidArgument("the frame's pixel format is not the plan's");
  if (Extent{frame.height, frame.width} != plan.frame)
    return InvalidArgument("the frame is " +
                           SizeText({frame.height, frame.width}) +
                           ", the picture " + SizeText(plan.frame));
  for (int plane = 0; plane < InfoOf(frame.format).planes; ++plane)
    if (frame.plane[plane] == nullptr)
      return InvalidArgument("plane " + std::to_string(plane) +
                             " of the frame has no data");
  return {};
}

}  // namespace

struct Decoder::Impl {
  struct Prepared {
    std::shared_ptr<const Plan> plan;
    std::unique_ptr<Executor> executor;
  };

  std::shared_ptr<const Model> model;
  DecoderOptions options;
  bool knows_vae_domain = false;
  std::vector<Prepared> recent;  // the prepared one first

  const Prepared* current() const {
    return recent.empty() ? nullptr : &recent.front();
  }

  // Whether these fit the prepared plan. A sentence may find no memory.
  Status Check(const LatentView& latent, const FrameView& frame) const noexcept;

  // Moves a cached plan of this key to the front.
  bool Reuse(const PlanKey& key) {
    const auto found =
        std::find_if(recent.begin(), recent.end(),
                     [&](const Prepared& p) { return p.plan->key == key; });
    if (found == recent.end()) return false;
    std::rotate(recent.begin(), found, found + 1);
    return true;
  }

  Status Compile(const PlanKey& key) {
    StatusOr<Plan> plan = CompilePlan(model->spec(), key);
    if (!plan.ok()) return plan.status();
    Prepared prepared;
    prepared.plan = std::make_shared<const Plan>(*std::move(plan));
    ExecutorOr executor = MakeExecutor(
        options.backend,
        {model, prepared.plan, options.parallel, options.cpu, options.cancel});
    if (!executor.ok()) return executor.status();
    prepared.executor = *std::move(executor);
    recent.insert(recent.begin(), std::move(prepared));
    Forget();
    return {};
  }

  // Drops what was used longest ago beyond the limits.
  void Forget() {
    size_t bytes = 0;
    for (size_t i = 1; i < recent.size(); ++i) {
      bytes += recent[i].executor->arena_bytes();
      if (i == kCachedPlans || bytes > kCachedBytes) recent.resize(i);
    }
  }
};

Decoder::Decoder(std::shared_ptr<const Model> model, DecoderOptions options)
    : impl_(std::make_unique<Impl>()) {
  impl_->knows_vae_domain =
      SamplerFromVae(GetModelInfo(*model).variant).has_value();
  impl_->model = std::move(model);
  impl_->options = std::move(options);
}

Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

Status Decoder::Prepare(const PlanKey& key) {
  if (impl_->Reuse(key)) return {};
  try {
    return impl_->Compile(key);
  } catch (const std::bad_alloc&) {
    return OutOfMemory("no memory for a plan of latent size " +
                       SizeText(key.latent));
  }
}

Status Decoder::Impl::Check(const LatentView& latent,
                            const FrameView& frame) const noexcept try {
  if (current() == nullptr)
    return InvalidArgument("Decode was called before Prepare succeeded");
  const Plan& plan = *current()->plan;
  TAE_RETURN_IF_ERROR(CheckLatent(plan, latent, knows_vae_domain));
  return CheckFrame(plan, frame);
} catch (const std::bad_alloc&) {
  return OutOfMemory("no memory");  // as short as needs none itself
}

Status Decoder::Decode(const LatentView& latent, const FrameView& frame,
                       DecodeReport* report) noexcept {
  TAE_RETURN_IF_ERROR(impl_->Check(latent, frame));
  DecodeReport ignored;
  DecodeReport& met = report != nullptr ? *report : ignored;
  met = {};
  impl_->current()->executor->Run(latent, frame, &met);
  return {};
}

Status Decoder::DecodeChanged(const LatentView& latent,
                              std::span<const uint8_t> changed,
                              const FrameView& frame,
                              DecodeReport* report) noexcept {
  TAE_RETURN_IF_ERROR(impl_->Check(latent, frame));
  if (changed.size() != static_cast<size_t>(latent.extent.height)) {
    try {
      return InvalidArgument(
          "rows of the latent: " + std::to_string(latent.extent.height) +
          ", found " + std::to_string(changed.size()) +
          " that may have changed");
    } catch (const std::bad_alloc&) {
      return OutOfMemory("no memory");
    }
  }
  DecodeReport ignored;
  DecodeReport& met = report != nullptr ? *report : ignored;
  met = {};
  if (std::all_of(changed.begin(), changed.end(),
                  [](uint8_t row) { return row == 0; }))
    met.rows_left_out = frame.height;
  else
    impl_->current()->executor->RunChanged(latent, changed, frame, &met);
  return {};
}

std::vector<RungInfo> GetRungs(const Model& model) {
  std::vector<RungInfo> infos;
  for (const Rung& rung : RungsOf(model.spec())) {
    // Sixteen latent pixels, so that no share is rounded away.
    const StatusOr<Plan> plan =
        CompilePlan(model.spec(),
                    {.latent = {4, 4}, .rung = static_cast<int>(infos.size())});
    infos.push_back({.name = rung.name,
                     .downscale = rung.downscale,
                     .flops = plan.ok() ? plan->total_flops() / 16 : 0});
  }
  return infos;
}

const Model& Decoder::model() const { return *impl_->model; }

PlanStats Decoder::stats() const {
  const Impl::Prepared* prepared = impl_->current();
  if (prepared == nullptr) return {};
  return {.arena_bytes = prepared->executor->arena_bytes(),
          .weights_bytes = impl_->model->packed().bytes(),
          .flops = prepared->plan->total_flops(),
          .steps = static_cast<int>(prepared->plan->steps.size()),
          .leaves_out_rows = prepared->executor->leaves_out_rows()};
}

std::string Decoder::DumpPlan() const {
  const Impl::Prepared* prepared = impl_->current();
  if (prepared == nullptr) return "no plan is prepared\n";
  return Dump(*prepared->plan,
              [&](int step) { return prepared->executor->Note(step); });
}

}  // namespace tae
