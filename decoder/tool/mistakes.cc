#include "tool/mistakes.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <utility>

#include "model/vae_domain.h"

namespace tae::tool {
namespace {

constexpr int kShortestSide = 8;  // that the doctor judges

struct Order {
  LatentLayout layout;
  const char* name;
};

constexpr Order kOrders[] = {
    {LatentLayout::kNchw, "nchw"},
    {LatentLayout::kNhwc, "nhwc"},
    {LatentLayout::kPacked, "packed"},
    {LatentLayout::kPackedNchw, "packed-nchw"},
    {LatentLayout::kPackedIdeogram4, "packed-ideogram4"},
};

bool Fits(const Order& order, Extent extent) {
  return order.layout == LatentLayout::kNchw ||
         order.layout == LatentLayout::kNhwc ||
         (extent.height % 2 == 0 && extent.width % 2 == 0);
}

// Where scalar (c, y, x) lies: the formulas of types.h.
size_t IndexOf(LatentLayout layout, size_t channels, Extent extent, size_t c,
               size_t y, size_t x) {
  const auto height = static_cast<size_t>(extent.height);
  const auto width = static_cast<size_t>(extent.width);
  const size_t token = y / 2 * (width / 2) + x / 2, py = y % 2, px = x % 2;
  switch (layout) {
    case LatentLayout::kNchw:
      return (c * height + y) * width + x;
    case LatentLayout::kNhwc:
      return (y * width + x) * channels + c;
    case LatentLayout::kPacked:
      return token * 4 * channels + 4 * c + 2 * py + px;
    case LatentLayout::kPackedNchw:
      return (4 * c + 2 * py + px) * (height * width / 4) + token;
    case LatentLayout::kPackedIdeogram4:
      return token * 4 * channels + 2 * channels * py + channels * px + c;
  }
  return 0;
}

std::vector<float> Pack(const Specimen& specimen,
                        const std::vector<float>& planes, LatentLayout layout) {
  const auto channels = static_cast<size_t>(specimen.channels);
  const auto height = static_cast<size_t>(specimen.extent.height);
  const auto width = static_cast<size_t>(specimen.extent.width);
  std::vector<float> packed(planes.size());
  for (size_t c = 0; c < channels; ++c)
    for (size_t y = 0; y < height; ++y)
      for (size_t x = 0; x < width; ++x)
        packed[IndexOf(layout, channels, specimen.extent, c, y, x)] =
            planes[(c * height + y) * width + x];
  return packed;
}

// The planes as the full VAE has them; nothing where nobody knows how.
std::optional<std::vector<float>> VaePlanes(const Specimen& specimen,
                                            std::vector<float> planes) {
  const auto affine = SamplerFromVae(specimen.variant);
  if (!affine) return std::nullopt;
  const auto height = static_cast<size_t>(specimen.extent.height);
  const auto width = static_cast<size_t>(specimen.extent.width);
  for (size_t i = 0; i < planes.size(); ++i) {
    const size_t c = i / (height * width), y = i / width % height;
    const size_t k = 4 * c + 2 * (y % 2) + i % width % 2;
    planes[i] = (planes[i] - affine->add[k]) / affine->mul[k];
  }
  return planes;
}

struct Noise {
  bool flow;  // (1 - sigma) x0 + sigma e; else x0 + sigma e
  float sigma;
};

std::vector<float> WithNoise(std::vector<float> planes, Noise noise) {
  std::mt19937 random(static_cast<unsigned>(1000 * noise.sigma) + noise.flow);
  std::normal_distribution<float> normal;
  const float keep = noise.flow ? 1 - noise.sigma : 1;
  for (float& value : planes)
    value = keep * value + noise.sigma * normal(random);
  return planes;
}

std::string TextOf(Noise noise) {
  return std::string(noise.flow ? "flow" : "added") + " noise, sigma " +
         std::to_string(noise.sigma).substr(0, 4);
}

// Each pixel the mean of those up to `radius` away, along both axes: as a
// sampler's estimates of x0 look in the first steps.
std::vector<float> Blurred(const Specimen& specimen, int radius) {
  const int height = specimen.extent.height, width = specimen.extent.width;
  std::vector<float> planes(specimen.planes.size());
  for (int c = 0; c < specimen.channels; ++c) {
    const size_t plane = size_t(c) * height * width;
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        double sum = 0;
        int count = 0;
        for (int i = std::max(0, y - radius);
             i <= std::min(height - 1, y + radius); ++i)
          for (int j = std::max(0, x - radius);
               j <= std::min(width - 1, x + radius); ++j, ++count)
            sum += specimen.planes[plane + size_t(i) * width + j];
        planes[plane + size_t(y) * width + x] = static_cast<float>(sum / count);
      }
  }
  return planes;
}

// What is common to all of a specimen's cases.
class Cases {
 public:
  Cases(const Specimen& specimen, const Visit& visit)
      : specimen_(specimen), visit_(visit) {}

  void Show(Declared declared, LatentLayout layout,
            LatentDomain domain = LatentDomain::kSampler) const {
    Show(std::move(declared), layout, domain, specimen_.extent);
  }
  void Show(Declared declared, LatentLayout layout, LatentDomain domain,
            Extent extent) const {
    declared.view = {.data = declared.values.data(),
                     .size = declared.values.size() * sizeof(float),
                     .dtype = DType::kF32,
                     .layout = layout,
                     .domain = domain,
                     .channels = specimen_.channels,
                     .extent = extent};
    declared.options.variant = specimen_.variant;
    visit_(declared);
  }

 private:
  const Specimen& specimen_;
  const Visit& visit_;
};

void VisitWrongOrders(const Specimen& specimen, const Cases& cases) {
  const Extent extent = specimen.extent;
  for (const Order& truth : kOrders) {
    if (!Fits(truth, extent)) continue;
    const std::vector<float> values =
        Pack(specimen, specimen.planes, truth.layout);
    for (const Order& said : kOrders) {
      if (!Fits(said, extent) || said.layout == truth.layout) continue;
      cases.Show({.what = std::string(truth.name) + " read as " + said.name,
                  .values = values,
                  .ailment = Ailment::kLayout,
                  .fix = std::string("layout=") + truth.name},
                 said.layout);
    }
    if (extent.height == extent.width) continue;
    cases.Show({.what = std::string(truth.name) + ", sides exchanged",
                .values = values,
                .ailment = Ailment::kSides},
               truth.layout, LatentDomain::kSampler,
               {extent.width, extent.height});
  }
}

void VisitWrongDomains(const Specimen& specimen, const Cases& cases) {
  const auto vae = VaePlanes(specimen, specimen.planes);
  if (!vae) return;
  cases.Show({.what = "the VAE's numbers as the sampler's",
              .values = *vae,
              .ailment = Ailment::kDomain,
              .fix = "domain=vae"},
             LatentLayout::kNchw);
  cases.Show({.what = "the sampler's numbers as the VAE's",
              .values = specimen.planes,
              .ailment = Ailment::kDomain,
              .fix = "domain=sampler"},
             LatentLayout::kNchw, LatentDomain::kVae);
}

void VisitBroken(const Specimen& specimen, const Cases& cases) {
  for (const float value : {NAN, INFINITY}) {
    std::vector<float> values = specimen.planes;
    values[values.size() / 2] = value;
    cases.Show({.what = "one number is " + std::to_string(value),
                .values = std::move(values),
                .ailment = Ailment::kNonfinite},
               LatentLayout::kNchw);
  }
  for (const float value : {0.0f, 0.7f})
    cases.Show({.what = "all numbers are " + std::to_string(value),
                .values = std::vector<float>(specimen.planes.size(), value),
                .ailment = Ailment::kConstant},
               LatentLayout::kNchw);
}

}  // namespace

void VisitRight(const Specimen& specimen, const Visit& visit) {
  const Cases cases(specimen, visit);
  const auto show = [&](const std::string& what,
                        const std::vector<float>& planes, LatentDomain domain,
                        bool noisy) {
    for (const Order& order : kOrders) {
      if (!Fits(order, specimen.extent)) continue;
      cases.Show({.what = order.name + what,
                  .values = Pack(specimen, planes, order.layout),
                  .options = {.noisy = noisy}},
                 order.layout, domain);
    }
  };
  const Extent extent = specimen.extent;
  for (const int radius : {0, 1, 2, 4, 8}) {
    if (4 * radius > std::min(extent.height, extent.width)) break;
    const std::vector<float> planes = Blurred(specimen, radius);
    const std::string blurred =
        radius > 0 ? ", blurred by " + std::to_string(radius) : "";
    show(blurred, planes, LatentDomain::kSampler, false);
    if (const auto vae = VaePlanes(specimen, planes))
      show(blurred + ", domain=vae", *vae, LatentDomain::kVae, false);
  }
  std::vector<Noise> noises;
  for (int i = 1; i <= 20; ++i) noises.push_back({true, 0.05f * float(i)});
  for (const float sigma : {0.1f, 0.3f, 1.0f, 2.0f, 3.5f, 7.0f, 14.6f})
    noises.push_back({false, sigma});
  for (const Noise noise : noises)
    show(", pred=x, " + TextOf(noise), WithNoise(specimen.planes, noise),
         LatentDomain::kSampler, true);
}

void VisitMistakes(const Specimen& specimen, const Visit& visit) {
  if (std::min(specimen.extent.height, specimen.extent.width) < kShortestSide)
    return;
  const Cases cases(specimen, visit);
  VisitWrongOrders(specimen, cases);
  if (!specimen.frames.empty())
    cases.Show({.what = "frames taken for channels",
                .values = specimen.frames,
                .ailment = Ailment::kFrames},
               LatentLayout::kNchw);
  VisitWrongDomains(specimen, cases);
  for (const Noise noise : {Noise{true, 0.8f}, Noise{true, 0.9f},
                            Noise{true, 1.0f}, Noise{false, 14.6f}})
    cases.Show({.what = TextOf(noise) + ", as x0",
                .values = WithNoise(specimen.planes, noise),
                .ailment = Ailment::kNoisy,
                .fix = "pred=x"},
               LatentLayout::kNchw);
  VisitBroken(specimen, cases);
}

}  // namespace tae::tool
