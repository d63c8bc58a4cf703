#include "film_source.h"

#include <algorithm>

#include "common/latent_message.h"
#include "picture_size.h"

namespace preview {
namespace {

// Decoding and encoding of a film end somewhere.
constexpr int kMostSide = 4096;

// Even, for colours have half of it; within bounds, in the same shape.
void SetSize(PictureSize size, FilmSource* film) {
  const int longer = std::max(size.width, size.height);
  if (longer > kMostSide) {
    size.width = int(int64_t(size.width) * kMostSide / longer);
    size.height = int(int64_t(size.height) * kMostSide / longer);
  }
  film->width = std::max(2, size.width & ~1);
  film->height = std::max(2, size.height & ~1);
}

}  // namespace

FilmSource FilmOfLatents(const Generation& generation, const Archive* archive) {
  FilmSource film;
  std::shared_ptr<const KeptFile> file;
  if (!generation.kept.empty() && archive != nullptr)
    if (const auto opened = archive->OpenKept(generation.kept); opened.ok())
      file = *opened;
  for (const Step& step : generation.steps)
    if (step.latent || file)
      film.latents.push_back({.bytes = step.latent,
                              .file = file,
                              .offset = step.kept_at,
                              .size = step.kept_size});
  if (film.latents.empty()) return {};
  const auto size = SizeOfLatent(film.latents.back());
  if (!size.ok()) return FilmOfPictures(generation);
  SetSize(*size, &film);
  return film;
}

FilmSource FilmOfPictures(const Generation& generation) {
  FilmSource film;
  for (const Step& step : generation.steps)
    if (step.picture)
      film.pictures.push_back({step.picture, step.width, step.height});
  if (film.pictures.empty()) return {};
  SetSize({film.pictures.back().width, film.pictures.back().height}, &film);
  return film;
}

}  // namespace preview
