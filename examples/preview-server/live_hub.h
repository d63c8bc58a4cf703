// The live picture, for any number of viewers: multipart/x-mixed-replace, JPEG
// after JPEG, which every browser shows in an <img>. A viewer that is slower
// than the pictures gets the newest when it has room again.
// Threads: the main one.
#pragma once

#include <libsoup/soup.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "bytes.h"
#include "chunk_stream.h"
#include "shares.h"

namespace preview {

class LiveHub {
 public:
  static constexpr size_t kMostViewers = 64;

  // False: there are too many already. `only`: pictures of this generation
  // alone. `first` is a JPEG to begin with, or null.
  bool Add(SoupServerMessage* message, std::optional<uint64_t> only,
           const Bytes& first);

  void Publish(uint64_t generation, const Bytes& jpeg);

  size_t viewers() const { return viewers_.size(); }
  // Pictures that a viewer did not get because a newer one came.
  uint64_t skipped() const { return skipped_; }

 private:
  struct Viewer {
    std::optional<uint64_t> only;
    Bytes waiting;  // the newest that it has not got
    Shares::Place place;
    std::unique_ptr<ChunkStream> stream;
  };

  Shares shares_{kMostViewers};
  std::list<Viewer> viewers_;
  uint64_t skipped_ = 0;
};

}  // namespace preview
