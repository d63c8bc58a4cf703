// Shape and metadata of a message -> what the numbers are: LatentView.
#include <algorithm>
#include <array>
#include <climits>
#include <string>
#include <string_view>

#include "tae/latent_stream.h"
#include "tae/variant.h"

namespace tae {
namespace {

constexpr int64_t kMaxChannels = 1024;
constexpr int64_t kMaxSide = 32768;  // of the unpacked latent

// Latent channels of the spaces in use; tells NCHW from NHWC where nobody said.
constexpr std::array kUsualChannels = {4, 8, 12, 16, 24, 32, 48, 64, 128};

bool IsUsual(int64_t channels) {
  return std::find(kUsualChannels.begin(), kUsualChannels.end(), channels) !=
         kUsualChannels.end();
}

// Whether a token of so many numbers can be a patch of 2x2 latent pixels, or
// one latent pixel (Qwen-Image 2.1), of a space in use.
bool IsTokenWidth(int64_t width) {
  return IsUsual(width) || (width % 4 == 0 && IsUsual(width / 4));
}

// How the dims of a tensor are read.
enum class Reading { kPlanes, kPixels, kTokens, kPatchPlanes };

struct LayoutRow {
  std::string_view name;
  Reading reading;
  LatentLayout layout;
};
constexpr LayoutRow kLayouts[] = {
    {"nchw", Reading::kPlanes, LatentLayout::kNchw},
    {"ncthw", Reading::kPlanes, LatentLayout::kNchw},
    {"nhwc", Reading::kPixels, LatentLayout::kNhwc},
    {"packed", Reading::kTokens, LatentLayout::kPacked},
    {"flux1-seq", Reading::kTokens, LatentLayout::kPacked},
    {"flux2-seq", Reading::kTokens, LatentLayout::kPacked},
    {"qwen-seq", Reading::kTokens, LatentLayout::kPacked},
    {"packed-nchw", Reading::kPatchPlanes, LatentLayout::kPackedNchw},
    {"packed-ideogram4", Reading::kTokens, LatentLayout::kPackedIdeogram4},
    {"ideogram4", Reading::kTokens, LatentLayout::kPackedIdeogram4},
};

const LayoutRow* FindLayout(std::string_view name) {
  for (const LayoutRow& row : kLayouts)
    if (row.name == name) return &row;
  return nullptr;
}

std::string ToString(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (const int64_t dim : dims)
    text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + "]";
}

// The name in the table of what a producer wrote; "" when it is not there.
std::string_view SpaceName(std::string_view space) {
  const VariantInfo* info = FindVariant(space);
  return info == nullptr ? std::string_view() : info->name;
}

// The layout of a tensor whose producer did not name it.
std::string_view GuessLayout(const std::vector<int64_t>& dims,
                             std::string_view space) {
  const std::string_view tokens =
      SpaceName(space) == "ideogram4" ? "packed-ideogram4" : "packed";
  if (dims.size() == 2) return tokens;
  if (dims.size() == 3) {
    if (dims[2] == 3 && dims[0] == dims[1]) return tokens;  // a picture
    if (IsUsual(dims[0]) || dims[0] == 3) return "nchw";
    if (dims[0] > 1 && dims[2] <= 32 && IsUsual(dims[2])) return "nhwc";
    return tokens;
  }
  if (dims.size() == 4) {
    if (dims[1] == 128 && !SpaceName(space).starts_with("ltx"))
      return "packed-nchw";
    if (!IsUsual(dims[1]) && dims[1] != 1 && IsUsual(dims[3])) return "nhwc";
  }
  return "nchw";
}

struct Shape {
  int64_t channels = 0;  // as stored: 4C in the packed layouts
  int64_t height = 0;    // as stored
  int64_t width = 0;
  int64_t batch = 1;
};

Status WrongRank(const LatentHeader& header, std::string_view layout,
                 std::string_view expected) {
  return Unsupported("latent of shape " + ToString(header.dims) +
                     " cannot be of layout " + std::string(layout) +
                     ": expected " + std::string(expected));
}

// Of a tensor that could only be tokens, and cannot be these either.
Status NoLatent(const LatentHeader& header) {
  const std::vector<int64_t>& d = header.dims;
  std::string likely;
  if (d.size() < 2)
    likely = "one row of numbers, as sound or labels are";
  else if (d.size() == 2 && d[0] <= 2)
    likely = "sound, [channels, samples]";
  else if (d.size() == 2)
    likely = "an embedding or a table";
  else if (d.back() == 3 || d.back() == 1)
    likely = "a picture, [height, width, colours]";
  else
    likely = "a latent of sound, [N, channels, time], or an embedding";
  return Unsupported("tensor" +
                     (header.tensor.empty() ? "" : " '" + header.tensor + "'") +
                     " of shape " + ToString(header.dims) +
                     " is no latent of a picture: it "
                     "looks like " +
                     likely +
                     ". Expected [N, C, H, W] of 4, 16, 32 or so "
                     "channels, or tokens of four times as many numbers");
}

StatusOr<Shape> ReadPlanes(const LatentHeader& header,
                           std::string_view layout) {
  std::vector<int64_t> d = header.dims;
  if (d.size() == 5) {
    if (d[2] != 1)
      return Unsupported("latent of shape " + ToString(header.dims) +
                         " is a clip of " + std::to_string(d[2]) +
                         " frames, and clips are not decoded: take one frame "
                         "of it, [N, C, 1, H, W] (latent[:, :, :1] in "
                         "Python)");
    d.erase(d.begin() + 2);
  }
  if (d.size() == 4 && d[1] == 1 && d[0] > 1)  // [C, 1, H, W], without a batch
    return Shape{d[0], d[2], d[3]};
  if (d.size() == 4) return Shape{d[1], d[2], d[3], d[0]};
  if (d.size() == 3) return Shape{d[0], d[1], d[2]};
  if (d.size() < 3 && header.description.layout.empty())
    return NoLatent(header);
  return WrongRank(header, layout, "[N, C, H, W]");
}

StatusOr<Shape> ReadPixels(const LatentHeader& header,
                           std::string_view layout) {
  const std::vector<int64_t>& d = header.dims;
  if (d.size() == 4) return Shape{d[3], d[1], d[2], d[0]};
  if (d.size() == 3) return Shape{d[2], d[0], d[1]};
  return WrongRank(header, layout, "[N, H, W, C]");
}

// Tokens carry no height and width: a token is 16x16 pixels of the picture.
StatusOr<Shape> ReadTokens(const LatentHeader& header,
                           std::string_view layout) {
  const std::vector<int64_t>& d = header.dims;
  if (d.size() != 2 && d.size() != 3)
    return WrongRank(header, layout, "[N, tokens, channels]");
  const int64_t tokens = d[d.size() - 2];
  const LatentDescription& said = header.description;
  if (said.layout.empty() && !IsTokenWidth(d.back())) return NoLatent(header);
  if (!said.width || !said.height)
    return InvalidArgument(
        "latent of shape " + ToString(header.dims) +
        " is a sequence of tokens, which does not carry its height and width: "
        "add the metadata width and height (pixels), or say tae --size");
  const Shape shape{d.back(), *said.height / 16, *said.width / 16,
                    d.size() == 3 ? d[0] : 1};
  if (shape.height * shape.width != tokens)
    return InvalidArgument(
        "latent of " + std::to_string(tokens) + " tokens does not fit " +
        std::to_string(*said.width) + "x" + std::to_string(*said.height) +
        " pixels, which are " + std::to_string(shape.height * shape.width) +
        " tokens");
  return shape;
}

StatusOr<Shape> ReadShape(const LatentHeader& header, const LayoutRow& row) {
  switch (row.reading) {
    case Reading::kPixels:
      return ReadPixels(header, row.name);
    case Reading::kTokens:
      return ReadTokens(header, row.name);
    case Reading::kPlanes:
    case Reading::kPatchPlanes:
      break;
  }
  return ReadPlanes(header, row.name);
}

bool IsPacked(LatentLayout layout) {
  return layout != LatentLayout::kNchw && layout != LatentLayout::kNhwc;
}

StatusOr<const LayoutRow*> LayoutOf(const LatentHeader& header) {
  const LatentDescription& said = header.description;
  const std::string_view name =
      said.layout.empty() ? GuessLayout(header.dims, said.space) : said.layout;
  if (const LayoutRow* row = FindLayout(name)) return row;
  return Unsupported("latent: unknown layout '" + std::string(name) +
                     "': expected nchw, ncthw, nhwc, packed, packed-nchw or "
                     "packed-ideogram4");
}

Status CheckShape(const LatentHeader& header, const LayoutRow& row,
                  const Shape& shape) {
  const std::string what = "latent of shape " + ToString(header.dims) +
                           ", read as " + std::string(row.name) + ", ";
  for (const int64_t side : {shape.height, shape.width})
    if (side < 1 || side > kMaxSide)
      return InvalidArgument(what + "has a side of " + std::to_string(side) +
                             ", expected 1 to " + std::to_string(kMaxSide));
  if (shape.channels < 1 || shape.channels > kMaxChannels)
    return InvalidArgument(what + "has " + std::to_string(shape.channels) +
                           " channels, expected 1 to " +
                           std::to_string(kMaxChannels));
  if (IsPacked(row.layout) && shape.channels % 4 != 0)
    return InvalidArgument(what + "has " + std::to_string(shape.channels) +
                           " channels, expected a multiple of 4");
  return {};
}

}  // namespace

namespace {

// ComfyUI's process_out, through which its latents go before they are saved,
// takes the sampler's numbers to the VAE's; of these spaces it leaves them as
// they are (comfy/latent_formats.py).
constexpr std::array<std::string_view, 8> kComfyIdentity = {
    "flux2",
    "ideogram4",
    "ltxv",
    "ltx2",
    "minimax_h3",
    "cosmos1",
    "stable_cascade_prior",
    "rgb"};

bool ComfySavesSamplerDomain(const LatentHeader& header, int channels) {
  const VariantInfo* space = FindVariant(header.description.space);
  if (space == nullptr) {
    // Who does not name the space: clips of 32 channels are HunyuanVideo 1.5's.
    if (channels == 32 && header.dims.size() == 5) return false;
    const auto likely = VariantsWithChannels(channels);
    if (likely.empty()) return false;
    space = likely.front();
  }
  return std::find(kComfyIdentity.begin(), kComfyIdentity.end(), space->name) !=
         kComfyIdentity.end();
}

LatentDomain DomainOf(const LatentHeader& header, int channels) {
  const std::string& said = header.description.domain;
  if (said == "vae") return LatentDomain::kVae;
  if (!said.empty() || header.source != LatentSource::kComfyLatent)
    return LatentDomain::kSampler;
  return ComfySavesSamplerDomain(header, channels) ? LatentDomain::kSampler
                                                   : LatentDomain::kVae;
}

}  // namespace

int BatchOf(const LatentHeader& header) {
  const StatusOr<const LayoutRow*> row = LayoutOf(header);
  if (!row.ok()) return 1;
  const StatusOr<Shape> shape = ReadShape(header, **row);
  if (!shape.ok() || !CheckShape(header, **row, *shape).ok()) return 1;
  return static_cast<int>(std::clamp<int64_t>(shape->batch, 1, INT_MAX));
}

StatusOr<LatentView> AsLatentView(const LatentHeader& header,
                                  const void* payload, int index) {
  const LatentDescription& said = header.description;
  const StatusOr<const LayoutRow*> found = LayoutOf(header);
  if (!found.ok()) return found.status();
  const LayoutRow* row = *found;
  if (!said.domain.empty() && said.domain != "sampler" && said.domain != "vae")
    return Unsupported("latent: unknown domain '" + said.domain +
                       "': expected sampler or vae");
  StatusOr<Shape> shape = ReadShape(header, *row);
  if (!shape.ok()) return shape.status();
  TAE_RETURN_IF_ERROR(CheckShape(header, *row, *shape));

  const int patch = IsPacked(row->layout) ? 2 : 1;
  LatentView view;
  view.data = payload;
  view.dtype = header.dtype;
  view.layout = row->layout;
  view.channels = static_cast<int>(shape->channels / (patch * patch));
  view.domain = DomainOf(header, view.channels);
  view.extent = {static_cast<int>(shape->height * patch),
                 static_cast<int>(shape->width * patch)};
  view.size =
      static_cast<size_t>(shape->channels * shape->height * shape->width) *
      SizeOf(header.dtype);
  const uint64_t latents = header.payload_size / view.size;
  if (latents == 0)
    return InvalidArgument("latent of shape " + ToString(header.dims) +
                           " holds no complete latent");
  if (index < 0 || static_cast<uint64_t>(index) >= latents ||
      index >= std::max<int64_t>(1, shape->batch))
    return InvalidArgument("latent of shape " + ToString(header.dims) +
                           " holds no latent of index " +
                           std::to_string(index) + ", counted from 0");
  if (payload != nullptr)
    view.data = static_cast<const uint8_t*>(payload) +
                view.size * static_cast<size_t>(index);
  return view;
}

std::string ToString(const LatentHeader& header) {
  static constexpr std::string_view kTypes[] = {"F16", "BF16", "F32", "F64",
                                                "8-bit"};
  static constexpr std::string_view kSources[] = {"safetensors", "npy",
                                                  "ComfyUI latent"};
  const LatentDescription& said = header.description;
  std::string text(kSources[static_cast<int>(header.source)]);
  text += " " + ToString(header.dims) + " ";
  text += kTypes[static_cast<int>(header.stored)];
  if (!said.space.empty()) text += " " + said.space;
  if (!said.layout.empty()) text += " " + said.layout;
  if (const auto view = AsLatentView(header, nullptr); view.ok())
    text += view->domain == LatentDomain::kVae ? " vae" : " sampler";
  if (!said.pred.empty()) text += " pred=" + said.pred;
  if (said.step) text += " step " + std::to_string(*said.step);
  if (said.step && said.steps) text += "/" + std::to_string(*said.steps);
  if (const int batch = BatchOf(header); batch > 1)
    text += ", a batch of " + std::to_string(batch);
  return text;
}

}  // namespace tae
