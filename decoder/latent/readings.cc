#include "latent/readings.h"

#include <algorithm>
#include <array>

namespace tae {
namespace {

constexpr std::array kLayouts = {
    LatentLayout::kNchw, LatentLayout::kNhwc, LatentLayout::kPacked,
    LatentLayout::kPackedNchw, LatentLayout::kPackedIdeogram4};
constexpr int kShortestSide = 24;  // that is compared with the other side
constexpr int kWidestBorder = 4;
constexpr int kLongestLag = 24;

bool IsPacked(LatentLayout layout) {
  return layout != LatentLayout::kNchw && layout != LatentLayout::kNhwc;
}

// Distances in scalars between neighbours: of channels, of rows and columns
// inside a 2x2 patch, and of patches.
struct Strides {
  size_t channel = 0;
  size_t row = 0;
  size_t column = 0;
  size_t patch_row = 0;
  size_t patch_column = 0;
};

Strides StridesOf(const Reading& reading, size_t channels) {
  const auto height = static_cast<size_t>(reading.extent.height);
  const auto width = static_cast<size_t>(reading.extent.width);
  const size_t token = 4 * channels;
  switch (reading.layout) {
    case LatentLayout::kNchw:
      return {height * width, width, 1, 2 * width, 2};
    case LatentLayout::kNhwc:
      return {1, width * channels, channels, 2 * width * channels,
              2 * channels};
    case LatentLayout::kPacked:
      return {4, 2, 1, width / 2 * token, token};
    case LatentLayout::kPackedNchw: {
      const size_t plane = height / 2 * (width / 2);
      return {4 * plane, 2 * plane, plane, width / 2, 1};
    }
    case LatentLayout::kPackedIdeogram4:
      return {1, 2 * channels, channels, width / 2 * token, token};
  }
  return {};
}

// A plane without its border.
struct Inside {
  const float* first;
  Extent extent;
  int stride;  // in scalars

  Inside(const float* plane, Extent whole)
      : first(plane + size_t(BorderOf(whole.height)) * whole.width +
              BorderOf(whole.width)),
        extent(ExtentOf(whole)),
        stride(whole.width) {}
  static int BorderOf(int side) { return std::min(side / 8, kWidestBorder); }
  static Extent ExtentOf(Extent whole) {
    return {whole.height - 2 * BorderOf(whole.height),
            whole.width - 2 * BorderOf(whole.width)};
  }
  const float* row(int y) const { return first + size_t(y) * stride; }
  double area() const { return double(extent.height) * extent.width; }
};

struct Moments {
  double count = 0;
  double sum = 0;
  double squares = 0;
  double variance() const {
    const double mean = count > 0 ? sum / count : 0;
    return count > 0 ? std::max(0.0, squares / count - mean * mean) : 0;
  }
};

void AddTo(Moments* moments, const Inside& inside) {
  for (int y = 0; y < inside.extent.height; ++y) {
    const float* row = inside.row(y);
    double sum = 0, squares = 0;
    for (int x = 0; x < inside.extent.width; ++x) {
      sum += row[x];
      squares += double(row[x]) * row[x];
    }
    moments->sum += sum;
    moments->squares += squares;
  }
  moments->count += inside.area();
}

// Sum of (a - b)^2 over all pixels `lag` columns (or rows) apart, a pair.
double SquaredDifference(const Inside& inside, int lag_x, int lag_y) {
  double total = 0;
  for (int y = 0; y + lag_y < inside.extent.height; ++y) {
    const float* a = inside.row(y);
    const float* b = inside.row(y + lag_y) + lag_x;
    double sum = 0;
    for (int x = 0; x + lag_x < inside.extent.width; ++x) {
      const double d = double(a[x]) - b[x];
      sum += d * d;
    }
    total += sum;
  }
  return total /
         ((inside.extent.height - lag_y) * double(inside.extent.width - lag_x));
}

double SquaredDifference(const Inside& inside, int lag) {
  return SquaredDifference(inside, lag, 0) + SquaredDifference(inside, 0, lag);
}

// Calls with each plane, inside the border.
template <typename Each>
void ForPlanes(const std::vector<float>& values, int channels,
               const Reading& reading, Each each) {
  std::vector<float> plane(size_t(reading.extent.height) *
                           reading.extent.width);
  for (int c = 0; c < channels; ++c) {
    ReadPlane(values, channels, reading, c, plane.data());
    each(Inside(plane.data(), reading.extent));
  }
}

}  // namespace

std::vector<Reading> OtherReadings(const Reading& declared) {
  const Extent extent = declared.extent;
  const bool even = extent.height % 2 == 0 && extent.width % 2 == 0;
  const bool sides = extent.height != extent.width &&
                     std::min(extent.height, extent.width) >= kShortestSide;
  std::vector<Reading> others;
  for (const bool exchanged : {false, true}) {
    if (exchanged && !sides) continue;
    for (const LatentLayout layout : kLayouts) {
      if (IsPacked(layout) && !even) continue;
      if (!exchanged && layout == declared.layout) continue;
      others.push_back(
          {layout, exchanged ? Extent{extent.width, extent.height} : extent,
           exchanged});
    }
  }
  return others;
}

void ReadPlane(const std::vector<float>& values, int channels,
               const Reading& reading, int c, float* plane) {
  const Strides s = StridesOf(reading, static_cast<size_t>(channels));
  const int width = reading.extent.width;
  for (int y = 0; y < reading.extent.height; ++y) {
    const float* row = values.data() + size_t(c) * s.channel +
                       size_t(y % 2) * s.row + size_t(y / 2) * s.patch_row;
    for (int x = 0; x < width; ++x)
      *plane++ = row[size_t(x % 2) * s.column + size_t(x / 2) * s.patch_column];
  }
}

Texture TextureOf(const std::vector<float>& values, int channels,
                  const Reading& reading) {
  Moments all;
  double difference = 0, within = 0;
  ForPlanes(values, channels, reading, [&](const Inside& inside) {
    Moments moments;
    AddTo(&moments, inside);
    within += moments.variance() / channels;
    difference += SquaredDifference(inside, 1) / channels;
    all.count += moments.count;
    all.sum += moments.sum;
    all.squares += moments.squares;
  });
  const double variance = all.variance();
  if (variance <= 0) return {};
  return {difference / (4 * variance), within / variance};
}

bool IsPeriodic(const std::vector<float>& values, int channels,
                const Reading& reading) {
  const Extent inside = Inside::ExtentOf(reading.extent);
  const int longest =
      std::min({kLongestLag, inside.height - 2, inside.width - 2});
  std::vector<double> difference(std::max(longest, 1) + 1, 0.0);
  ForPlanes(values, channels, reading, [&](const Inside& plane) {
    for (int lag = 1; lag <= longest; ++lag)
      difference[lag] += SquaredDifference(plane, lag);
  });
  for (const int period : {2, 3, 4, 6, 8}) {
    if (2 * period > longest) continue;
    bool repeats = true;
    for (int lag = period; lag <= longest; lag += period)
      repeats = repeats && difference[lag] < 0.5 * difference[1];
    if (repeats) return true;
  }
  return false;
}

}  // namespace tae
