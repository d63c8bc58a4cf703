// A generation as a film, made when somebody asks for it: of its latents,
// decoded once more as well as it goes, or of the pictures that were shown.
// Threads: the main one; others do the work meanwhile.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bytes.h"
#include "film_encoder.h"
#include "film_source.h"
#include "renderer.h"

namespace preview {

// The last picture is held. One film at a time, the others wait.
class FilmMaker {
 public:
  static constexpr size_t kMostWaiting = 16;
  // `webm` is null when it failed; then `error` is a sentence.
  using Done = std::function<void(const Bytes& webm, const std::string& error)>;

  // `decoder`: properties of taedecode as the live one has them.
  explicit FilmMaker(Renderer::Properties decoder)
      : renderer_(std::move(decoder)) {}
  ~FilmMaker();
  FilmMaker(const FilmMaker&) = delete;
  FilmMaker& operator=(const FilmMaker&) = delete;

  // `done` is called later, from the main loop. Returns a number for Cancel();
  // 0: too many wait already.
  uint64_t Make(FilmSource source, Done done);
  size_t waiting() const { return jobs_.size(); }  // the one that runs too
  // Nobody wants it any more: `done` is not called.
  void Cancel(uint64_t number);

 private:
  struct Job {
    uint64_t number;
    FilmSource source;
    Done done;
    std::shared_ptr<std::atomic<bool>> cancelled =
        std::make_shared<std::atomic<bool>>(false);
  };

  void Begin();
  void Render(const Job& job);
  void End(uint64_t number, const Bytes& webm, const std::string& error);

  std::deque<Job> jobs_;  // the first one runs
  uint64_t last_ = 0;
  std::unique_ptr<FilmEncoder> encoder_;
  Renderer renderer_;  // ends before what its tasks need
};

}  // namespace preview
