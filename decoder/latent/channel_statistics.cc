#include "latent/channel_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace tae {
namespace {

double MeanOf(const std::vector<float>& plane) {
  double sum = 0;
  for (const float value : plane) sum += value;
  return sum / static_cast<double>(plane.size());
}

// Mean of (a - mean_a) (b - mean_b).
double Covariance(const std::vector<float>& a, double mean_a,
                  const std::vector<float>& b, double mean_b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size());
}

// Mean square difference of horizontal and vertical neighbours.
double NeighbourDifference(const std::vector<float>& plane, Extent extent) {
  const auto width = static_cast<size_t>(extent.width);
  const auto height = static_cast<size_t>(extent.height);
  double across = 0, down = 0;
  for (size_t y = 0; y < height; ++y)
    for (size_t x = 0; x < width; ++x) {
      const double here = plane[y * width + x];
      if (x + 1 < width) {
        const double d = plane[y * width + x + 1] - here;
        across += d * d;
      }
      if (y + 1 < height) {
        const double d = plane[(y + 1) * width + x] - here;
        down += d * d;
      }
    }
  const double pairs_across = double(height) * double(width - 1);
  const double pairs_down = double(height - 1) * double(width);
  return (across / std::max(pairs_across, 1.0) +
          down / std::max(pairs_down, 1.0)) /
         2;
}

}  // namespace

ChannelStatistics Measure(const std::vector<float>& values, int channels,
                          const Reading& reading) {
  ChannelStatistics found;
  std::vector<float> plane(size_t(reading.extent.height) *
                           reading.extent.width);
  std::vector<float> previous;
  for (int c = 0; c < channels; ++c) {
    previous.swap(plane);
    plane.resize(previous.size());
    ReadPlane(values, channels, reading, c, plane.data());
    const double mean = MeanOf(plane);
    const double variance = Covariance(plane, mean, plane, mean);
    found.roughness.push_back(variance > 0
                                  ? NeighbourDifference(plane, reading.extent) /
                                        (2 * variance)
                                  : 0);
    if (c > 0) {
      const double scale = std::sqrt(variance * found.variance.back());
      found.correlation.push_back(
          scale > 0
              ? Covariance(previous, found.mean.back(), plane, mean) / scale
              : 0);
    }
    found.mean.push_back(mean);
    found.variance.push_back(variance);
  }
  return found;
}

}  // namespace tae
