// Every latent in a folder, a file for each generation, for later: the files
// play in any quality, `latentsrc location=FILE`. Bounded: the oldest files go.
// Threads: the main one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bytes.h"
#include "stored_latent.h"
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

  // Names of the newest files, the oldest of them first.
  std::vector<std::string> Newest(size_t count) const;

  // One of those. Errors: kUnreadable: it is gone, or no regular file.
  tae::StatusOr<std::shared_ptr<const KeptFile>> OpenKept(
      const std::string& name) const;

 private:
  Archive(std::string folder, uint64_t most_bytes)
      : folder_(std::move(folder)), most_bytes_(most_bytes) {}

  bool MakeRoom(const std::string& current, uint64_t size);

  std::string folder_;
  uint64_t most_bytes_;
};

}  // namespace preview
