// Every latent in a folder, a file for each generation, for later: the files
// play in any quality, `latentsrc location=FILE`. Bounded: the oldest files go.
// Threads: the main one.
#pragma once

#include <cstdint>
#include <string>

#include "bytes.h"
#include "tae/status.h"

namespace preview {

class Archive {
 public:
  // Makes the folder where it is missing, readable by its owner alone. Files of
  // other names in there are left alone. Errors: kUnreadable.
  static tae::StatusOr<Archive> Open(const std::string& folder,
                                     uint64_t most_bytes);

  // Adds a message to the file of a generation, which is named after the date
  // of its first latent (seconds since 1970) and its number. Errors:
  // kUnreadable, what the system says; the file keeps whole messages only.
  tae::Status Append(int64_t date, uint64_t generation, const Bytes& message);

 private:
  Archive(std::string folder, uint64_t most_bytes)
      : folder_(std::move(folder)), most_bytes_(most_bytes) {}

  bool MakeRoom(const std::string& current, uint64_t size);

  std::string folder_;
  uint64_t most_bytes_;
};

}  // namespace preview
