// The files that latentsrc's `location` names.
#pragma once

#include <string>
#include <vector>

#include "tae/status.h"

namespace taegst {

// A file, a directory (its .safetensors, .npy, .npz and .latent), a glob, or a
// printf pattern such as step_%03d.npy; in natural order. kNotFound when none
// is there.
tae::StatusOr<std::vector<std::string>> ListLatentFiles(
    const std::string& location);

}  // namespace taegst
