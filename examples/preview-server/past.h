// Generations of earlier runs, from the files that the archive keeps: what
// their headers say. No latent is read for it, let alone decoded.
#pragma once

#include <string>

#include "generation.h"
#include "stored_latent.h"
#include "tae/status.h"

namespace preview {

struct Past {
  Generation generation;  // without a number
  std::string trouble;    // a sentence where the end was left out, else ""
};

// `name` is the file's in the archive; `most_steps`: every other step goes
// beyond that. Errors: kDataLoss and others for what is no whole latent at all;
// a file that ends inside a latent has those before it.
tae::StatusOr<Past> ReadPast(const KeptFile& file, const std::string& name,
                             size_t most_steps);

}  // namespace preview
