// What each channel of a latent looks like, in numbers.
#pragma once

#include <vector>

#include "latent/readings.h"

namespace tae {

struct ChannelStatistics {
  std::vector<double> mean;
  std::vector<double> variance;
  // Mean square difference of neighbours over twice the channel's variance: 1
  // for white noise; 0 where the channel does not vary.
  std::vector<double> roughness;
  // Correlation of channel c with channel c + 1; one less than channels.
  std::vector<double> correlation;
};

// Of `values` in the reading's order.
ChannelStatistics Measure(const std::vector<float>& values, int channels,
                          const Reading& reading);

}  // namespace tae
