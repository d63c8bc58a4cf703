// A latent as it came, a message of the latent stream, wherever it is kept: in
// memory, or in a file of the archive.
#pragma once

#include <cstdint>
#include <memory>

#include "bytes.h"
#include "tae/status.h"

namespace preview {

// A file of the archive, open for reading; it may be removed meanwhile.
// Threads: any.
class KeptFile {
 public:
  // Takes over the descriptor of a regular file.
  KeptFile(int fd, uint64_t size) : fd_(fd), size_(size) {}
  ~KeptFile();
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;

  uint64_t size() const { return size_; }  // when it was opened

  // Up to `size` bytes at `offset`: fewer where the file ends. Errors:
  // kUnreadable.
  tae::StatusOr<Bytes> Read(uint64_t offset, uint64_t size) const;

 private:
  const int fd_;
  const uint64_t size_;
};

struct StoredLatent {
  Bytes bytes;  // null: they are in `file`
  std::shared_ptr<const KeptFile> file;
  uint64_t offset = 0;
  uint64_t size = 0;

  // Errors: kUnreadable, kDataLoss.
  tae::StatusOr<Bytes> Load() const;
};

}  // namespace preview
