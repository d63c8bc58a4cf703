// Which domain a latent's channels speak for: the sampler's or the VAE's.
#pragma once

#include <string_view>

#include "latent/channel_statistics.h"
#include "tae/types.h"

namespace tae {

// In nats, for the VAE's domain; below 0 for the sampler's.
struct DomainEvidence {
  double scale = 0;      // of the RMS of all numbers
  double pattern = 0;    // of how the channels differ from each other
  double rms = 0;        // of the numbers, read as the declared domain
  double other_rms = 0;  // read as the other one
  // Share of the channels' variance in the mean square, in the domain where it
  // is larger: near 0 in uniform pictures.
  double variation = 0;
};

// Of a space's name (not alias). All 0 where its constants are not known.
DomainEvidence WeighDomain(const ChannelStatistics& found,
                           std::string_view variant, LatentDomain declared);

}  // namespace tae
