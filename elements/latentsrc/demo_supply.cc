#include "latentsrc/demo_supply.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tae/latent_stream.h"
#include "tae/variant.h"

namespace taegst {
namespace {

// The first of our formats that downstream takes; null when none.
GstPtr<GstCaps> ChooseCaps(LatentInfo* info, GstCaps* allowed, bool tensors) {
  for (tae::DType dtype :
       {tae::DType::kF16, tae::DType::kBF16, tae::DType::kF32}) {
    info->dtype = dtype;
    GstPtr<GstCaps> caps;
    if (!tensors) {
      caps = LatentInfoToCaps(*info);
    } else {
      tae::StatusOr<GstPtr<GstCaps>> made = LatentInfoToTensorsCaps(*info);
      if (made.ok()) caps = *std::move(made);
    }
    if (caps && gst_caps_can_intersect(caps.get(), allowed)) return caps;
  }
  return nullptr;
}

// The spaces to try: the one set, else flux2, whose pictures are drawn, first.
std::vector<const tae::VariantInfo*> SpacesToTry(const std::string& wanted) {
  if (!wanted.empty()) return {tae::FindVariant(wanted)};
  std::vector<const tae::VariantInfo*> spaces = {tae::FindVariant("flux2")};
  for (const tae::VariantInfo& space : tae::Variants())
    spaces.push_back(&space);
  return spaces;
}

}  // namespace

LatentInfo DemoSupply::InfoFor(const tae::VariantInfo& space) const {
  const int side = space.pixels_per_latent;
  LatentInfo info;
  info.variant = space.name;
  info.channels = space.latent_channels;
  info.noisy = settings_.noisy;
  info.extent = {std::max(1, settings_.height / side),
                 std::max(1, settings_.width / side)};
  info.width = info.extent.width * side;
  info.height = info.extent.height * side;
  gst_util_double_to_fraction(double(GST_SECOND) / double(settings_.step_time),
                              &info.fps_n, &info.fps_d);
  return info;
}

// Tensors come last: their caps fit every space, and so say nothing.
GstPtr<GstCaps> DemoSupply::Negotiate(GstCaps* allowed) {
  for (const bool tensors : {false, true})
    for (const tae::VariantInfo* space : SpacesToTry(settings_.variant)) {
      LatentInfo info = InfoFor(*space);
      GstPtr<GstCaps> caps = ChooseCaps(&info, allowed, tensors);
      if (!caps || !HasDemoLatent(space->name)) continue;
      info_ = info;
      generation_.reset();
      return caps;
    }
  return nullptr;
}

guint64 DemoSupply::LatentsAGeneration() const {
  return guint64(settings_.steps) + guint64(settings_.steps + 3) / 4;
}

tae::Status DemoSupply::Begin(guint64 generation) {
  if (generation_ == generation) return {};
  tae::StatusOr<std::vector<float>> clean =
      DemoLatent(info_.variant, settings_.pattern, generation, info_.extent);
  if (!clean.ok()) return clean.status();
  run_ = {*std::move(clean), info_.extent, settings_.steps,
          settings_.seed + generation, settings_.noisy};
  generation_ = generation;
  return {};
}

GstPtr<GstBuffer> DemoSupply::MakeBuffer(int done) const {
  const std::vector<float> values = run_.At(done);
  // A message of floats: the library converts to the dtype.
  tae::LatentHeader header;
  header.stored = tae::StoredType::kF32;
  header.dtype = info_.dtype;
  header.scale = {1};
  header.payload_size = info_.size();
  GstPtr<GstBuffer> buffer(
      gst_buffer_new_allocate(nullptr, header.payload_size, nullptr));
  GstMapInfo map;
  if (!buffer || !gst_buffer_map(buffer.get(), &map, GST_MAP_WRITE))
    return nullptr;
  tae::ConvertPayload(header, values.data(), map.data);
  gst_buffer_unmap(buffer.get(), &map);
  return buffer;
}

tae::StatusOr<Supplied> DemoSupply::Next(SuppliedLatent* latent) {
  const guint64 generation = next_ / LatentsAGeneration();
  const guint64 shown = next_ % LatentsAGeneration();
  const int done = int(std::min<guint64>(shown + 1, guint64(settings_.steps)));
  TAE_RETURN_IF_ERROR(Begin(generation));
  latent->buffer = MakeBuffer(done);
  if (!latent->buffer) return tae::OutOfMemory("no memory for a latent");
  latent->info = info_;
  latent->step = {};
  latent->step.step = guint(done);
  latent->step.total_steps = guint(settings_.steps);
  latent->step.sigma = run_.Sigma(done);
  if (done < settings_.steps) latent->step.sigma_next = run_.Sigma(done + 1);
  latent->step.final = done == settings_.steps;
  latent->step.prompt_id = "demo-" + std::to_string(generation);
  latent->step.seed = run_.seed;
  ++next_;
  return Supplied::kLatent;
}

bool DemoSupply::Seek(guint64 number) {
  next_ = number;
  return true;
}

}  // namespace taegst
