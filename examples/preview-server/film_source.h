// What a film is made of: all latents of a generation, or the pictures that
// were shown.
#pragma once

#include <vector>

#include "archive.h"
#include "generation.h"
#include "stored_latent.h"

namespace preview {

struct FilmFrame {
  Bytes jpeg;
  int width = 0;
  int height = 0;
};

struct FilmSource {
  std::vector<StoredLatent> latents;
  std::vector<FilmFrame> pictures;  // where there are no latents
  int width = 0;                    // of the film, pixels
  int height = 0;

  bool empty() const { return latents.empty() && pictures.empty(); }
};

// In the size that the last latent has when all of it is decoded. Empty where
// the file of a generation of earlier is gone; `archive` may be null.
FilmSource FilmOfLatents(const Generation& generation, const Archive* archive);

// In the size of the newest picture. Empty where there is none.
FilmSource FilmOfPictures(const Generation& generation);

}  // namespace preview
