// A zip archive in memory, as torch.save and numpy.savez write them.
#pragma once

#include <zip.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "tae/status.h"

namespace tae {

// An open archive over borrowed bytes.
class ZipArchive {
 public:
  enum class Compression {
    kNever,    // a small file cannot grow to a large one
    kDeflate,  // up to the limit of each Read
  };

  ZipArchive() { zip_error_init(&error_); }
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;
  ~ZipArchive();

  bool Open(std::span<const uint8_t> bytes);
  std::string Reason();  // why Open failed

  std::vector<std::string> Names() const;
  bool Has(const std::string& name) const;

  // The bytes of a record of at most `limit` bytes, checked by its CRC. Memory
  // is taken for what the record says to hold, after the limit was checked.
  StatusOr<AlignedBuffer> Read(const std::string& name, size_t limit,
                               Compression allowed) const;

 private:
  zip_error_t error_;
  zip_t* zip_ = nullptr;
};

}  // namespace tae
