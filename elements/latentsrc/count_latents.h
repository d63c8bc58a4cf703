// How many latents a file holds, by its headers alone.
#pragma once

#include <glib.h>

#include <string>

#include "tae/latent_stream.h"

namespace taegst {

// As many as ReadLatentFile gives, for a file that nobody changes meanwhile;
// 0 for one that cannot be read.
guint64 CountLatents(const std::string& path, const tae::LatentLimits& limits);

}  // namespace taegst
