// What the library itself knows of a space beyond the public VariantInfo.
#pragma once

#include <optional>
#include <string_view>

#include "model/model_spec.h"
#include "tae/variant.h"

namespace tae {

// The architecture of the space's published decoder; nothing where this library
// runs none. By the variant's name (not alias).
std::optional<ModelSpec> ArchitectureOf(std::string_view variant);

}  // namespace tae
