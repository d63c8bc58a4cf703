#include "stored_latent.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace preview {

KeptFile::~KeptFile() { close(fd_); }

tae::StatusOr<Bytes> KeptFile::Read(uint64_t offset, uint64_t size) const {
  if (offset >= size_) return CopyBytes("");
  std::string bytes(size_t(std::min(size, size_ - offset)), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = pread(fd_, bytes.data() + done, bytes.size() - done,
                                off_t(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return tae::Unreadable(std::string("a kept file cannot be read: ") +
                             g_strerror(errno));
    if (count == 0) break;
    done += size_t(count);
  }
  return CopyBytes(std::string_view(bytes).substr(0, done));
}

tae::StatusOr<Bytes> StoredLatent::Load() const {
  if (bytes) return bytes;
  if (!file) return tae::NotFound("the latent is no longer kept");
  auto read = file->Read(offset, size);
  if (read.ok() && SizeOf(*read) != size)
    return tae::DataLoss("a kept file has become shorter");
  return read;
}

}  // namespace preview
