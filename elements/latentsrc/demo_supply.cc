#include "latentsrc/demo_supply.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "tae/latent_stream.h"
#include "tae/variant.h"

namespace taegst {
namespace {

constexpr int kMostLatents = 8192;  // a side, as the template says

// [C][H][W] -> [H][W][C].
std::vector<float> ChannelsLast(const std::vector<float>& planes,
                                int channels) {
  const size_t pixels = planes.size() / size_t(channels);
  std::vector<float> values(planes.size());
  for (size_t c = 0; c < size_t(channels); ++c)
    for (size_t i = 0; i < pixels; ++i)
      values[i * size_t(channels) + c] = planes[c * pixels + i];
  return values;
}

// A list of strings as a field.
void SetChoice(GstStructure* structure, const char* field,
               std::initializer_list<std::string_view> choices) {
  GValue list = G_VALUE_INIT;
  g_value_init(&list, GST_TYPE_LIST);
  for (std::string_view choice : choices) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_STRING);
    g_value_set_string(&value, std::string(choice).c_str());
    gst_value_list_append_and_take_value(&list, &value);
  }
  gst_structure_take_value(structure, field, &list);
}

// All that the demo can give of this space; its size and rate are wishes.
GstPtr<GstCaps> CapsOfSpace(const LatentInfo& wish) {
  GstPtr<GstCaps> caps = LatentInfoToCaps(wish);
  GstStructure* s = gst_caps_get_structure(caps.get(), 0);
  gst_structure_remove_fields(s, "width", "height", nullptr);
  gst_structure_set(s, "latent-width", GST_TYPE_INT_RANGE, 1, kMostLatents,
                    "latent-height", GST_TYPE_INT_RANGE, 1, kMostLatents,
                    "framerate", GST_TYPE_FRACTION_RANGE, 1, 3600, 1000, 1,
                    nullptr);
  SetChoice(s, "format",
            {FormatName(tae::DType::kF16), FormatName(tae::DType::kBF16),
             FormatName(tae::DType::kF32)});
  SetChoice(s, "layout",
            {LayoutName(tae::LatentLayout::kNchw),
             LayoutName(tae::LatentLayout::kNhwc)});
  return caps;
}

// What downstream takes of that, nearest to the wish; null when nothing.
GstPtr<GstCaps> ChooseLatent(LatentInfo* info, int side, GstCaps* allowed) {
  const GstPtr<GstCaps> offered = CapsOfSpace(*info);
  GstPtr<GstCaps> caps(gst_caps_intersect_full(allowed, offered.get(),
                                               GST_CAPS_INTERSECT_FIRST));
  if (gst_caps_is_empty(caps.get())) return nullptr;
  caps.reset(gst_caps_truncate(caps.release()));
  GstStructure* s = gst_caps_get_structure(caps.get(), 0);
  gst_structure_fixate_field_nearest_int(s, "latent-width", info->extent.width);
  gst_structure_fixate_field_nearest_int(s, "latent-height",
                                         info->extent.height);
  gst_structure_fixate_field_nearest_fraction(s, "framerate", info->fps_n,
                                              info->fps_d);
  // Ours first, whatever the order downstream.
  gst_structure_fixate_field_string(s, "format", "F16LE");
  gst_structure_fixate_field_string(s, "layout", "nchw");
  caps.reset(gst_caps_fixate(caps.release()));
  tae::StatusOr<LatentInfo> chosen = LatentInfoFromCaps(caps.get());
  if (!chosen.ok()) return nullptr;
  *info = *std::move(chosen);
  info->width = info->extent.width * side;
  info->height = info->extent.height * side;
  return LatentInfoToCaps(*info);
}

// other/tensors that downstream takes; null when none.
GstPtr<GstCaps> ChooseTensors(LatentInfo* info, GstCaps* allowed) {
  for (tae::DType dtype : {tae::DType::kF16, tae::DType::kF32}) {
    info->dtype = dtype;
    tae::StatusOr<GstPtr<GstCaps>> caps = LatentInfoToTensorsCaps(*info);
    if (caps.ok() && gst_caps_can_intersect(caps->get(), allowed))
      return *std::move(caps);
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
      GstPtr<GstCaps> caps =
          tensors ? ChooseTensors(&info, allowed)
                  : ChooseLatent(&info, space->pixels_per_latent, allowed);
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
  std::vector<float> values = run_.At(done);
  if (info_.layout == tae::LatentLayout::kNhwc)
    values = ChannelsLast(values, info_.channels);
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

tae::Status NoDemoIsTaken(const std::string& variant, GstCaps* allowed) {
  const GstPtr<char> taken(gst_caps_to_string(allowed));
  const bool any = variant.empty() || variant == "auto";
  return tae::Unsupported(
      "The demo has no latent " +
      (any ? std::string("of any space") : "of variant " + variant) +
      " that is taken downstream: " + std::string(taken.get()).substr(0, 300));
}

}  // namespace taegst
