#include "latentsrc/count_latents.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "latentsrc/descriptor.h"

namespace taegst {
namespace {

constexpr guint64 kFirstRead = 4096;  // most headers are smaller

// The header of the message at `begin` of a file of `size` bytes; nullopt when
// there is none.
std::optional<tae::LatentHeader> HeaderAt(int fd, guint64 begin, guint64 size,
                                          const tae::LatentLimits& limits) {
  std::vector<char> bytes;
  guint64 wanted = std::min(kFirstRead, size - begin);
  for (;;) {
    bytes.resize(wanted);
    const ssize_t got = pread(fd, bytes.data(), wanted, off_t(begin));
    if (got < 0 || guint64(got) < wanted) return std::nullopt;
    uint64_t needed = 0;
    auto header = tae::ReadLatentHeader(bytes.data(), wanted, limits, &needed);
    if (!header.ok()) return std::nullopt;
    if (header->has_value()) return **std::move(header);
    if (needed <= wanted || needed > size - begin) return std::nullopt;
    wanted = needed;
  }
}

}  // namespace

guint64 CountLatents(const std::string& path, const tae::LatentLimits& limits) {
  // O_NONBLOCK: opening a pipe without a writer must not wait.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (!file || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return 0;
  tae::LatentLimits of_files = limits;
  of_files.header_bytes = limits.file_header_bytes;
  const guint64 size = guint64(info.st_size);
  guint64 count = 0;
  for (guint64 begin = 0; begin < size; ++count) {
    const auto header = HeaderAt(file.get(), begin, size, of_files);
    if (!header || header->message_size > size - begin) break;
    begin += header->message_size;
  }
  if (count > 0) return count;
  // Many tensors in one message, or none at all: the reader knows.
  const auto read = tae::ReadLatentFile(path, limits);
  return read.ok() ? read->messages.size() : 0;
}

}  // namespace taegst
