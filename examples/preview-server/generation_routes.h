// What can be asked for of one generation: /generations/ID/...
// Threads: the main one.
#pragma once

#include <string>

#include "archive.h"
#include "film.h"
#include "generation_store.h"
#include "made_pictures.h"
#include "request.h"
#include "shares.h"
#include "waiters.h"

namespace preview {

class GenerationRoutes {
 public:
  // Whoever downloads keeps what may be evicted meanwhile.
  static constexpr size_t kMostDownloads = 16;

  // `decoder`: properties of taedecode, for what is decoded when somebody asks.
  GenerationRoutes(GenerationStore* store, Renderer::Properties decoder)
      : store_(store), made_(store, decoder), films_(std::move(decoder)) {}

  // Where generations of earlier runs lie; without it there are none.
  void set_archive(const Archive* archive);

  // Films that are not done.
  size_t films() const { return films_.waiting(); }

  // Answers, now or later.
  void Handle(const Request& request, const Generation& generation);

  // The newest picture, lossless; `generation` may be null.
  void ReplySnapshot(const Request& request, const Generation* generation);

 private:
  void HandleStep(const Request& request, const Generation& generation);
  void ReplyPicture(SoupServerMessage* message, uint64_t generation,
                    uint64_t index, bool whole);
  void ReplyGeneration(const Request& request, const Generation& generation);
  void ReplyLatents(const Request& request, const Generation& generation);
  bool BeginDownload(SoupServerMessage* message);
  void MakeSnapshot(uint64_t generation, const std::string& what);
  void ReplyFilm(const Request& request, const Generation& generation);
  bool MakeFilm(const Generation& generation, FilmSource source,
                const std::string& what);
  bool MakeFilmOfPictures(uint64_t id, const std::string& what);
  void EndWith(const std::string& what, unsigned status,
               const std::string& error);

  GenerationStore* const store_;
  const Archive* archive_ = nullptr;
  Waiters waiters_;
  Shares downloads_{kMostDownloads};  // under way
  MadePictures made_;
  FilmMaker films_;
};

}  // namespace preview
