// The generations that are kept: a table from numbers, bounded in entries and
// bytes. The oldest goes first; a long generation loses every other step.
// Threads: one, the main one.
#pragma once

#include <deque>
#include <string>

#include "arrivals.h"
#include "generation.h"

namespace preview {

class GenerationStore {
 public:
  struct Limits {
    size_t generations = 24;
    size_t bytes = size_t{512} << 20;
    size_t steps = 512;  // of one generation
  };

  explicit GenerationStore(Limits limits) : limits_(limits) {}

  struct Added {
    const Generation* generation;
    bool began = false;    // it is the first of this generation
    bool repeats = false;  // it took the place of the last one, the same
  };
  // Older generations may be gone afterwards.
  Added AddLatent(ArrivedLatent latent);

  struct Placed {
    const Generation* generation = nullptr;  // null: no longer kept
    const Step* step = nullptr;
  };
  Placed AddPicture(ArrivedPicture picture);

  // A generation of an earlier run, older than those of this one; gets its
  // number here.
  void AddPast(Generation generation);
  // A picture that somebody asked for.
  Placed AddMade(uint64_t id, uint64_t index, MadePicture made);

  // The timelapse of a generation, if that is still here.
  void AddTimelapse(uint64_t id, Bytes webm);

  // Null when there is none of this number, or no longer.
  const Generation* Find(uint64_t id) const;
  // The newest that a producer calls so.
  const Generation* FindName(const std::string& name) const;
  const Generation* newest() const {
    return generations_.empty() ? nullptr : &generations_.back();
  }
  // False when there is none of this number.
  bool AskToStop(uint64_t id);

  const std::deque<Generation>& generations() const { return generations_; }
  const Limits& limits() const { return limits_; }
  size_t bytes() const { return bytes_; }
  uint64_t evicted() const { return evicted_; }

 private:
  struct Place {
    Generation* generation = nullptr;
    Step* step = nullptr;  // null: no longer kept
  };

  Place LatentOf(const ArrivedPicture& picture);
  Generation& PlaceOf(const ArrivedLatent& latent, bool* began);
  Generation* Mutable(uint64_t id);
  uint64_t BatchFor(const std::string& name, const BatchItem& place) const;
  size_t Batches() const;
  bool DropOldest(uint64_t batch);
  bool DropMade(uint64_t current);
  void Bound(uint64_t current);

  const Limits limits_;
  std::deque<Generation> generations_;  // oldest first
  uint64_t next_id_ = 1;
  uint64_t evicted_ = 0;
  size_t bytes_ = 0;
};

}  // namespace preview
