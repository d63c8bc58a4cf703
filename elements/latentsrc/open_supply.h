// The supply that the settings of a latentsrc ask for.
#pragma once

#include <memory>

#include "latentsrc/latent_supply.h"
#include "latentsrc/source_settings.h"

namespace taegst {

// Listens from here on, where programs are to send. `warn` may be called by any
// thread for as long as the supply lives.
// Errors: what is wrong with the settings, or why the place cannot be used.
tae::StatusOr<std::shared_ptr<LatentSupply>> OpenSupply(
    const SourceSettings& settings, const Warn& warn);

}  // namespace taegst
