// A file's bytes, mapped read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tae/status.h"

namespace tae {

// Owns the mapping. A file that another process shortens while it is mapped
// can not be read safely by anybody: hold a mapping only while parsing.
class MappedFile {
 public:
  // Regular files only, so that a pipe or a device never blocks or never ends.
  // Errors: kNotFound, kUnreadable.
  static StatusOr<std::shared_ptr<const MappedFile>> Open(
      const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::string& path() const { return path_; }
  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  MappedFile(std::string path, const uint8_t* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::string path_;
  const uint8_t* data_;
  size_t size_;
};

}  // namespace tae
