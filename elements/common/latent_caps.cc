#include "common/latent_caps.h"

#include <array>
#include <charconv>
#include <vector>

#include "tae/variant.h"

namespace taegst {
namespace {

constexpr int kMaxSide = 8192;
constexpr int kMaxChannels = 256;
constexpr int kMaxRank = 16;

template <typename T>
struct Named {
  T value;
  std::string_view name;
};

constexpr std::array<Named<tae::DType>, 3> kFormats = {{
    {tae::DType::kF16, "F16LE"},
    {tae::DType::kBF16, "BF16LE"},
    {tae::DType::kF32, "F32LE"},
}};

constexpr std::array<Named<tae::LatentLayout>, 5> kLayouts = {{
    {tae::LatentLayout::kNchw, "nchw"},
    {tae::LatentLayout::kNhwc, "nhwc"},
    {tae::LatentLayout::kPacked, "packed"},
    {tae::LatentLayout::kPackedNchw, "packed-nchw"},
    {tae::LatentLayout::kPackedIdeogram4, "packed-ideogram4"},
}};

constexpr std::array<Named<tae::LatentDomain>, 2> kDomains = {{
    {tae::LatentDomain::kSampler, "sampler"},
    {tae::LatentDomain::kVae, "vae"},
}};

// pred: what the latent predicts; true where that is the noisy x.
constexpr std::array<Named<bool>, 2> kPredictions = {{
    {false, "x0"},
    {true, "x"},
}};

template <typename T, size_t N>
std::string_view NameOf(const std::array<Named<T>, N>& table, T value) {
  for (const auto& row : table)
    if (row.value == value) return row.name;
  return "";
}

// Reads a string field into *value; a field that is absent leaves it alone.
template <typename T, size_t N>
tae::Status ReadNamed(const GstStructure* s, const char* field,
                      const std::array<Named<T>, N>& table, T* value) {
  if (!gst_structure_has_field(s, field)) return {};
  const char* text = gst_structure_get_string(s, field);
  std::string known;
  for (const auto& row : table) {
    if (text != nullptr && row.name == text) {
      *value = row.value;
      return {};
    }
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return tae::Unsupported(std::string("caps field ") + field + "=" +
                          (text != nullptr ? text : "(not a string)") +
                          " is not one of: " + known);
}

tae::Status ReadSize(const GstStructure* s, const char* field, int limit,
                     int* value) {
  if (!gst_structure_get_int(s, field, value))
    return tae::InvalidArgument(
        std::string("latent caps have no integer field ") + field);
  if (*value < 1 || *value > limit)
    return tae::InvalidArgument(std::string("caps field ") + field + "=" +
                                std::to_string(*value) + " is not in 1.." +
                                std::to_string(limit));
  return {};
}

// Absent: one latent a buffer.
tae::Status ReadBatch(const GstStructure* s, int* batch) {
  return gst_structure_has_field(s, "batch")
             ? ReadSize(s, "batch", kMaxBatch, batch)
             : tae::Status();
}

tae::Status ReadVariant(const GstStructure* s, std::string* variant) {
  const char* name = gst_structure_get_string(s, "variant");
  if (name == nullptr) return {};
  const tae::VariantInfo* info = tae::FindVariant(name);
  if (info == nullptr)
    return tae::Unsupported("caps field variant=" + std::string(name) + ": " +
                            tae::UnknownVariant(name).message());
  *variant = info->name;
  return {};
}

// Fields that both media types may carry.
void ReadPictureFields(const GstStructure* s, LatentInfo* info) {
  gst_structure_get_fraction(s, "framerate", &info->fps_n, &info->fps_d);
  gst_structure_get_int(s, "width", &info->width);
  gst_structure_get_int(s, "height", &info->height);
}

bool IsPacked(tae::LatentLayout layout) {
  return layout != tae::LatentLayout::kNchw &&
         layout != tae::LatentLayout::kNhwc;
}

tae::StatusOr<LatentInfo> ParseLatent(const GstStructure* s) {
  LatentInfo info;
  if (!gst_structure_has_field(s, "format"))
    return tae::InvalidArgument("latent caps have no field format");
  TAE_RETURN_IF_ERROR(ReadNamed(s, "format", kFormats, &info.dtype));
  TAE_RETURN_IF_ERROR(ReadNamed(s, "layout", kLayouts, &info.layout));
  TAE_RETURN_IF_ERROR(ReadNamed(s, "domain", kDomains, &info.domain));
  TAE_RETURN_IF_ERROR(ReadNamed(s, "pred", kPredictions, &info.noisy));
  TAE_RETURN_IF_ERROR(ReadSize(s, "channels", kMaxChannels, &info.channels));
  TAE_RETURN_IF_ERROR(
      ReadSize(s, "latent-width", kMaxSide, &info.extent.width));
  TAE_RETURN_IF_ERROR(
      ReadSize(s, "latent-height", kMaxSide, &info.extent.height));
  TAE_RETURN_IF_ERROR(ReadBatch(s, &info.batch));
  TAE_RETURN_IF_ERROR(ReadVariant(s, &info.variant));
  ReadPictureFields(s, &info);
  if (IsPacked(info.layout) &&
      (info.extent.width % 2 != 0 || info.extent.height % 2 != 0))
    return tae::InvalidArgument(
        "layout=" + std::string(LayoutName(info.layout)) +
        " holds 2x2 patches, but latent-width x latent-height is " +
        std::to_string(info.extent.width) + "x" +
        std::to_string(info.extent.height) + ", not even");
  return info;
}

// "W:H:C:1" to numbers, innermost first; a 0 ends the list as NNStreamer has
// it, and outer ones are dropped, for they say nothing.
tae::StatusOr<std::vector<int>> ParseDimensions(std::string_view text) {
  const tae::Status bad =
      tae::InvalidArgument("other/tensors dimensions=" + std::string(text) +
                           " is not a list of numbers such as 64:64:32:1");
  std::vector<int> dims;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end) {
    int value = -1;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || value < 0 || dims.size() == kMaxRank)
      return bad;
    if (value == 0) break;
    dims.push_back(value);
    at = next;
    if (at == end) break;
    if (*at++ != ':' || at == end) return bad;
  }
  while (dims.size() > 3 && dims.back() == 1) dims.pop_back();
  return dims;
}

// Shape to layout: [C,H,W] unless only another reading has the channels that
// are expected (or, where nothing is expected, channels of any known space).
tae::Status ReadShape(const std::vector<int>& dims, int expected,
                      LatentInfo* info) {
  const auto fits = [&](int channels) {
    return expected != 0 ? channels == expected
                         : !tae::VariantsWithChannels(channels).empty();
  };
  const int outer = dims[2];
  info->extent = {dims[1], dims[0]};
  info->channels = outer;
  if (fits(outer)) return {};
  if (expected != 0 && outer == 4 * expected) {
    info->layout = tae::LatentLayout::kPackedNchw;
    info->channels = expected;
    info->extent = {2 * dims[1], 2 * dims[0]};
  } else if (fits(dims[0])) {
    info->layout = tae::LatentLayout::kNhwc;
    info->channels = dims[0];
    info->extent = {outer, dims[1]};
  }
  return {};
}

tae::Status CheckShape(const LatentInfo& info, const char* dimensions) {
  const auto in = [](int value, int limit) {
    return value >= 1 && value <= limit;
  };
  if (in(info.channels, kMaxChannels) && in(info.extent.width, kMaxSide) &&
      in(info.extent.height, kMaxSide) && in(info.batch, kMaxBatch))
    return {};
  return tae::InvalidArgument(
      std::string("other/tensors dimensions=") + dimensions +
      " is no latent: expected W:H:C or W:H:C:N with 1..8192 columns and rows, "
      "1..256 channels and 1..64 latents");
}

tae::StatusOr<LatentInfo> ParseTensors(const GstStructure* s, int expected) {
  LatentInfo info;
  const char* type = gst_structure_get_string(s, "types");
  const std::string_view name = type != nullptr ? type : "(none)";
  if (name == "float16") {
    info.dtype = tae::DType::kF16;
  } else if (name == "float32") {
    info.dtype = tae::DType::kF32;
  } else {
    return tae::Unsupported("other/tensors types=" + std::string(name) +
                            " is not float16 or float32");
  }
  const char* dimensions = gst_structure_get_string(s, "dimensions");
  if (dimensions == nullptr)
    return tae::InvalidArgument("other/tensors caps have no field dimensions");
  auto dims = ParseDimensions(dimensions);
  if (!dims.ok()) return dims.status();
  if (dims->size() != 3 && dims->size() != 4)
    return tae::InvalidArgument(
        std::string("other/tensors dimensions=") + dimensions +
        " is no latent and no batch of them: expected W:H:C or W:H:C:N with "
        "every further dimension 1");
  if (dims->size() == 4) info.batch = dims->back();
  for (int dim : *dims)
    if (dim > kMaxSide)
      return tae::InvalidArgument(std::string("other/tensors dimensions=") +
                                  dimensions + " is too large: the limit is " +
                                  std::to_string(kMaxSide) + " a side");
  TAE_RETURN_IF_ERROR(ReadShape(*dims, expected, &info));
  TAE_RETURN_IF_ERROR(CheckShape(info, dimensions));
  TAE_RETURN_IF_ERROR(ReadVariant(s, &info.variant));
  ReadPictureFields(s, &info);
  return info;
}

void SetText(GstCaps* caps, const char* field, std::string_view text) {
  gst_caps_set_simple(caps, field, G_TYPE_STRING, std::string(text).c_str(),
                      nullptr);
}

}  // namespace

std::string_view FormatName(tae::DType dtype) {
  return NameOf(kFormats, dtype);
}
std::string_view LayoutName(tae::LatentLayout layout) {
  return NameOf(kLayouts, layout);
}
std::string_view DomainName(tae::LatentDomain domain) {
  return NameOf(kDomains, domain);
}

bool IsTensorsCaps(const GstCaps* caps) {
  return gst_caps_get_size(caps) > 0 &&
         gst_structure_has_name(gst_caps_get_structure(caps, 0),
                                "other/tensors");
}

tae::StatusOr<LatentInfo> LatentInfoFromCaps(const GstCaps* caps,
                                             int expected_channels) {
  if (!gst_caps_is_fixed(caps))
    return tae::InvalidArgument("latent caps are not fixed");
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  if (IsTensorsCaps(caps)) return ParseTensors(s, expected_channels);
  if (gst_structure_has_name(s, "video/x-latent")) return ParseLatent(s);
  return tae::Unsupported(std::string("caps ") + gst_structure_get_name(s) +
                          " are neither video/x-latent nor other/tensors");
}

GstPtr<GstCaps> LatentInfoToCaps(const LatentInfo& info) {
  GstPtr<GstCaps> caps(gst_caps_new_empty_simple("video/x-latent"));
  if (!info.variant.empty()) SetText(caps.get(), "variant", info.variant);
  SetText(caps.get(), "format", FormatName(info.dtype));
  gst_caps_set_simple(caps.get(), "channels", G_TYPE_INT, info.channels,
                      "latent-width", G_TYPE_INT, info.extent.width,
                      "latent-height", G_TYPE_INT, info.extent.height,
                      "framerate", GST_TYPE_FRACTION, info.fps_n, info.fps_d,
                      nullptr);
  SetText(caps.get(), "layout", LayoutName(info.layout));
  SetText(caps.get(), "domain", DomainName(info.domain));
  SetText(caps.get(), "pred", NameOf(kPredictions, info.noisy));
  if (info.batch > 1)
    gst_caps_set_simple(caps.get(), "batch", G_TYPE_INT, info.batch, nullptr);
  if (info.width > 0 && info.height > 0)
    gst_caps_set_simple(caps.get(), "width", G_TYPE_INT, info.width, "height",
                        G_TYPE_INT, info.height, nullptr);
  return caps;
}

tae::StatusOr<GstPtr<GstCaps>> LatentInfoToTensorsCaps(const LatentInfo& info) {
  if (info.dtype == tae::DType::kBF16)
    return tae::Unsupported("other/tensors has no bfloat16");
  if (info.layout != tae::LatentLayout::kNchw)
    return tae::Unsupported("other/tensors cannot say layout=" +
                            std::string(LayoutName(info.layout)));
  const std::string dimensions = std::to_string(info.extent.width) + ":" +
                                 std::to_string(info.extent.height) + ":" +
                                 std::to_string(info.channels) + ":" +
                                 std::to_string(info.batch);
  return GstPtr<GstCaps>(gst_caps_new_simple(
      "other/tensors", "format", G_TYPE_STRING, "static", "num_tensors",
      G_TYPE_INT, 1, "types", G_TYPE_STRING,
      info.dtype == tae::DType::kF16 ? "float16" : "float32", "dimensions",
      G_TYPE_STRING, dimensions.c_str(), "framerate", GST_TYPE_FRACTION,
      info.fps_n, info.fps_d, nullptr));
}

GstPtr<GstCaps> LatentCapsOfVariant(std::string_view variant, int channels) {
  GstPtr<GstCaps> caps(
      gst_caps_from_string(TAE_LATENT_CAPS "; " TAE_TENSORS_CAPS));
  GstStructure* latent = gst_caps_get_structure(caps.get(), 0);
  if (const tae::VariantInfo* info = tae::FindVariant(variant)) {
    channels = info->latent_channels;
    gst_structure_set(latent, "variant", G_TYPE_STRING,
                      std::string(info->name).c_str(), nullptr);
  }
  if (channels > 0)
    gst_structure_set(latent, "channels", G_TYPE_INT, channels, nullptr);
  return caps;
}

}  // namespace taegst
