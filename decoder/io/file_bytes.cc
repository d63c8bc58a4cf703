// read(), with the system's reasons turned into sentences.
#include "io/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

namespace tae {
namespace {

// One call's share: a file on a network is given up soon after it fails.
constexpr size_t kChunk = size_t{4} << 20;

std::string Reason(int error) { return std::generic_category().message(error); }

// Closes a descriptor at the end of a scope.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
};

Status CannotOpen(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return NotFound(path + ": there is no such file");
  }
  return Unreadable(path + ": cannot be opened: " + Reason(error));
}

Status Changed(const std::string& path) {
  return Unreadable(path +
                    ": was changed while it was read; try again when whoever "
                    "writes it has finished");
}

// All `size` bytes; the file may meanwhile be shortened or the network fail.
Status ReadAll(const std::string& path, int file, uint8_t* data, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = read(file, data + done, std::min(kChunk, size - done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Unreadable(path + ": cannot be read: " + Reason(errno));
    }
    if (got == 0) return Changed(path);
    done += static_cast<size_t>(got);
  }
  return {};
}

bool SameState(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

StatusOr<std::shared_ptr<const FileBytes>> FileBytes::Read(
    const std::string& path, uint64_t limit) {
  // O_NONBLOCK: opening a pipe without a writer must not wait.
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.value < 0) return CannotOpen(path, errno);
  struct stat before;
  if (fstat(file.value, &before) != 0) {
    return Unreadable(path + ": cannot be examined: " + Reason(errno));
  }
  if (!S_ISREG(before.st_mode)) {
    return Unreadable(path + ": is not a regular file");
  }
  const auto size = static_cast<uint64_t>(before.st_size);
  if (size > limit) {
    return InvalidArgument(path + ": has " + std::to_string(size) +
                           " bytes; files of up to " + std::to_string(limit) +
                           " are read here, and a tiny decoder has 3 to 25 "
                           "million");
  }
  std::unique_ptr<uint8_t[]> data(new (std::nothrow) uint8_t[size]);
  if (data == nullptr) {
    return OutOfMemory(path + ": no memory for its " + std::to_string(size) +
                       " bytes");
  }
  TAE_RETURN_IF_ERROR(ReadAll(path, file.value, data.get(), size));
  struct stat after;
  if (fstat(file.value, &after) != 0 || !SameState(before, after)) {
    return Changed(path);
  }
  return std::shared_ptr<const FileBytes>(
      new FileBytes(path, std::move(data), size));
}

}  // namespace tae
