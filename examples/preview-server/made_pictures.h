// Pictures of generations of earlier runs, made when somebody asks for one and
// kept in the store from then on.
// Threads: the main one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "archive.h"
#include "generation_store.h"
#include "renderer.h"

namespace preview {

class MadePictures {
 public:
  static constexpr size_t kMostWanted = 64;
  // `error` is "" when the step has its picture, else a sentence.
  using Done = std::function<void(const std::string& error)>;

  // Borrows both. `archive` may be null: nothing is from earlier then.
  MadePictures(GenerationStore* store, Renderer::Properties decoder)
      : store_(store), renderer_(std::move(decoder)) {}

  void set_archive(const Archive* archive) { archive_ = archive; }

  // `done` is called later. False: too much is wanted already.
  bool Want(uint64_t generation, uint64_t index, Done done);

 private:
  struct Wanted {
    uint64_t generation;
    uint64_t index;
    Done done;
  };

  void Begin();
  tae::StatusOr<Renderer::Job> MakeJob() const;
  void Place(uint64_t index, MadePicture made);
  void End(const std::string& error);

  GenerationStore* const store_;
  const Archive* archive_ = nullptr;
  std::deque<Wanted> wanted_;
  std::vector<Wanted> batch_;  // being made: of one generation
  Renderer renderer_;          // ends before what its tasks need
};

}  // namespace preview
