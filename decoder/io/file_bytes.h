// A file's bytes, read into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tae/status.h"

namespace tae {

// More than any file of a tiny decoder or a golden case has, and little enough
// to read: a full VAE is 0.3 GB, a whole model more than this.
inline constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

// Not mapped: whoever shortens a mapped file kills its readers by SIGBUS, and
// weights are rewritten in place by downloads. These bytes stay as they are
// whatever becomes of the file.
class FileBytes {
 public:
  // Regular files only, so that a pipe or a device never blocks or never ends.
  // Errors: kNotFound, kUnreadable (also when the file was changed while it was
  // read), kInvalidArgument (more than `limit` bytes), kOutOfMemory.
  static StatusOr<std::shared_ptr<const FileBytes>> Read(
      const std::string& path, uint64_t limit = kMaxFileBytes);

  const std::string& path() const { return path_; }
  std::span<const uint8_t> bytes() const { return {data_.get(), size_}; }

 private:
  FileBytes(std::string path, std::unique_ptr<const uint8_t[]> data,
            size_t size)
      : path_(std::move(path)), data_(std::move(data)), size_(size) {}

  std::string path_;
  std::unique_ptr<const uint8_t[]> data_;
  size_t size_;
};

}  // namespace tae
