#include "latentsrc/demo_latent.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "tae/decoder.h"
#include "tae/latent_stream.h"
#include "tae/variant.h"

// The file, byte for byte, in read-only memory.
asm(".pushsection .rodata\n"
    ".hidden tae_demo_begin\n.hidden tae_demo_end\n"
    ".global tae_demo_begin\n.global tae_demo_end\n"
    "tae_demo_begin:\n.incbin \"" TAE_DEMO_FILE
    "\"\n"
    "tae_demo_end:\n.byte 0\n"
    ".popsection\n");
extern "C" const char tae_demo_begin[] __attribute__((visibility("hidden")));
extern "C" const char tae_demo_end[] __attribute__((visibility("hidden")));

namespace taegst {
namespace {

// A plane set at its own size.
struct Planes {
  int channels = 0;
  tae::Extent extent;
  std::vector<float> values;
};

std::vector<float> ToFloats(tae::LatentHeader header,
                            const std::vector<uint8_t>& f16) {
  header.stored = tae::StoredType::kF16;
  header.dtype = tae::DType::kF32;
  header.scale = {1};
  header.offset = {};
  header.payload_size = f16.size() * 2;
  std::vector<float> values(f16.size() / 2);
  tae::ConvertPayload(header, f16.data(), values.data());
  return values;
}

std::vector<Planes> ReadDrawn() {
  std::vector<Planes> drawn;
  tae::LatentStreamReader reader({});
  for (const char* at = tae_demo_begin; at < tae_demo_end;) {
    tae::StatusOr<size_t> taken =
        reader.Push(at, static_cast<size_t>(tae_demo_end - at));
    if (!taken.ok()) break;
    at += *taken;
    std::optional<tae::LatentMessage> message = reader.Pull();
    if (!message) continue;
    tae::StatusOr<tae::LatentView> view = message->View();
    if (view.ok())
      drawn.push_back({view->channels, view->extent,
                       ToFloats(message->header, message->payload)});
  }
  return drawn;
}

// Bilinear, the picture covering the whole of `extent` and cropped to it.
std::vector<float> Resample(const Planes& in, tae::Extent extent) {
  const double scale = std::min(double(in.extent.height) / extent.height,
                                double(in.extent.width) / extent.width);
  const double top = (in.extent.height - scale * extent.height) / 2;
  const double left = (in.extent.width - scale * extent.width) / 2;
  std::vector<float> out;
  out.reserve(size_t(in.channels) * extent.height * extent.width);
  for (int c = 0; c < in.channels; ++c) {
    const float* plane =
        in.values.data() + size_t(c) * in.extent.height * in.extent.width;
    for (int y = 0; y < extent.height; ++y) {
      const double sy =
          std::clamp(top + (y + .5) * scale - .5, 0., in.extent.height - 1.);
      const int y0 = int(sy), y1 = std::min(y0 + 1, in.extent.height - 1);
      const double fy = sy - y0;
      for (int x = 0; x < extent.width; ++x) {
        const double sx =
            std::clamp(left + (x + .5) * scale - .5, 0., in.extent.width - 1.);
        const int x0 = int(sx), x1 = std::min(x0 + 1, in.extent.width - 1);
        const double fx = sx - x0;
        const auto at = [&](int row, int column) {
          return double(plane[row * in.extent.width + column]);
        };
        out.push_back(
            float((at(y0, x0) * (1 - fx) + at(y0, x1) * fx) * (1 - fy) +
                  (at(y1, x0) * (1 - fx) + at(y1, x1) * fx) * fy));
      }
    }
  }
  return out;
}

using Rgb = std::array<double, 3>;

// rgb = base + sum_c z_c * rows[c], in 0..1: measured by decoding unit latents.
struct LinearMap {
  Rgb base = {};
  std::vector<Rgb> rows;
};

tae::StatusOr<LinearMap> Measure(std::string_view variant, int channels) {
  tae::StatusOr<std::shared_ptr<const tae::Model>> model =
      tae::LinearModel(variant);
  if (!model.ok()) return model.status();
  tae::Decoder decoder(*model, {});
  TAE_RETURN_IF_ERROR(
      decoder.Prepare({.latent = {1, 1},
                       .precision = tae::Precision::kF32,
                       .format = tae::PixelFormat::kRgbPlanarF32}));
  const int side = tae::GetModelInfo(**model).pixels_per_latent;
  std::vector<float> pixels(size_t(3) * side * side);
  std::vector<float> z(size_t(channels), 0.0f);
  const auto decode = [&](Rgb* rgb) -> tae::Status {
    tae::LatentView latent{.data = z.data(),
                           .size = z.size() * 4,
                           .dtype = tae::DType::kF32,
                           .channels = channels,
                           .extent = {1, 1}};
    tae::FrameView frame{.format = tae::PixelFormat::kRgbPlanarF32,
                         .width = side,
                         .height = side};
    for (int p = 0; p < 3; ++p) {
      frame.plane[p] = pixels.data() + size_t(p) * side * side;
      frame.stride[p] = side * 4;
    }
    TAE_RETURN_IF_ERROR(decoder.Decode(latent, frame, nullptr));
    for (int p = 0; p < 3; ++p) (*rgb)[p] = pixels[size_t(p) * side * side];
    return {};
  };
  LinearMap map;
  TAE_RETURN_IF_ERROR(decode(&map.base));
  constexpr float kSmall = 0.25f;  // stays inside the clamp
  for (int c = 0; c < channels; ++c) {
    Rgb rgb;
    z[size_t(c)] = kSmall;
    TAE_RETURN_IF_ERROR(decode(&rgb));
    z[size_t(c)] = 0;
    for (int p = 0; p < 3; ++p) rgb[p] = (rgb[p] - map.base[p]) / kSmall;
    map.rows.push_back(rgb);
  }
  return map;
}

// The smallest latent that the map shows as `target`: rows * inverse(rows' *
// rows) * (target - base), the 3x3 system solved by elimination.
std::vector<double> Invert(const LinearMap& map, const Rgb& target) {
  double m[3][4] = {};
  for (int i = 0; i < 3; ++i) {
    for (const Rgb& row : map.rows)
      for (int j = 0; j < 3; ++j) m[i][j] += row[i] * row[j];
    m[i][i] += 1e-6;
    m[i][3] = target[i] - map.base[i];
  }
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 3; ++k) {
      if (k == i) continue;
      const double factor = m[k][i] / m[i][i];
      for (int j = i; j < 4; ++j) m[k][j] -= factor * m[i][j];
    }
  std::vector<double> z;
  for (const Rgb& row : map.rows) {
    double value = 0;
    for (int i = 0; i < 3; ++i) value += row[i] * m[i][3] / m[i][i];
    z.push_back(value);
  }
  return z;
}

// Sky, sun, hills; y and x from 0 to 1.
Rgb Landscape(double y, double x) {
  Rgb rgb = {.25 + .65 * y, .3 + .25 * y, .6 - .25 * y};
  if (std::hypot(x - .65, y - .45) < .16) rgb = {.97, .85, .5};
  if (y > .68 + .05 * std::sin(9 * x)) rgb = {.16, .3 - .1 * y, .2};
  return rgb;
}

// Two fruits on a table before a wall.
Rgb StillLife(double y, double x) {
  Rgb rgb = {.75 - .2 * y, .7 - .2 * y, .6 - .15 * y};
  if (y > .62) rgb = {.45, .3, .2};
  const auto shade = [&](double cy, double cx) {
    return 1 - .8 * std::hypot(x - cx + .06, y - cy + .06);
  };
  if (std::hypot(x - .38, y - .56) < .17) {
    const double s = shade(.56, .38);
    rgb = {.85 * s, .25 * s, .18 * s};
  }
  if (std::hypot(x - .66, y - .6) < .14) {
    const double s = shade(.6, .66);
    rgb = {.9 * s, .75 * s, .2 * s};
  }
  return rgb;
}

tae::StatusOr<std::vector<float>> Synthetic(std::string_view variant,
                                            int channels, int picture,
                                            tae::Extent extent) {
  tae::StatusOr<LinearMap> map = Measure(variant, channels);
  if (!map.ok()) return map.status();
  const size_t plane = size_t(extent.height) * extent.width;
  std::vector<float> out(plane * size_t(channels));
  for (int y = 0; y < extent.height; ++y)
    for (int x = 0; x < extent.width; ++x) {
      const double down = (y + .5) / extent.height;
      const double right = (x + .5) / extent.width;
      const std::vector<double> z = Invert(
          *map, picture == 0 ? Landscape(down, right) : StillLife(down, right));
      for (size_t c = 0; c < z.size(); ++c)
        out[c * plane + size_t(y) * extent.width + x] = float(z[c]);
    }
  return out;
}

}  // namespace

bool HasDemoLatent(std::string_view variant) {
  return variant == "flux2" || tae::LinearModel(variant).ok();
}

tae::StatusOr<std::vector<float>> DemoLatent(std::string_view variant,
                                             DemoPattern pattern,
                                             uint64_t generation,
                                             tae::Extent extent) {
  const int picture = pattern == DemoPattern::kCycle
                          ? int(generation % kDemoPictures)
                          : int(pattern) - 1;
  if (variant == "flux2") {
    const std::vector<Planes> drawn = ReadDrawn();
    if (size_t(picture) < drawn.size())
      return Resample(drawn[size_t(picture)], extent);
  }
  const tae::VariantInfo* info = tae::FindVariant(variant);
  if (info == nullptr) return tae::Unsupported("no such latent space");
  return Synthetic(variant, info->latent_channels, picture, extent);
}

}  // namespace taegst
