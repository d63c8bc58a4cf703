// Which domain a latent's channels speak for: the sampler's or the VAE's.
#pragma once

#include <string_view>

#include "latent/channel_statistics.h"
#include "tae/types.h"

namespace tae {

struct DomainEvidence {
  double vae = 0;        // nats for the VAE's domain, below 0 for the sampler's
  double rms = 0;        // of the numbers, read as the declared domain
  double other_rms = 0;  // read as the other one
  double variation = 0;  // share of the channels' variance in the mean square,
                         // read as the other one: near 0 in uniform pictures
};

// Of a space's name (not alias). All 0 where its constants are not known.
DomainEvidence WeighDomain(const ChannelStatistics& found,
                           std::string_view variant, LatentDomain declared);

}  // namespace tae
