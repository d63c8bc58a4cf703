// mmap, with the system's reasons turned into sentences.
#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tae {
namespace {

std::string Reason(int error) { return std::generic_category().message(error); }

// Closes a descriptor at the end of a scope.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
};

}  // namespace

StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(
    const std::string& path) {
  // O_NONBLOCK: opening a pipe without a writer must not wait.
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.value < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) {
      return NotFound(path + ": there is no such file");
    }
    return Unreadable(path + ": cannot be opened: " + Reason(error));
  }
  struct stat info;
  if (fstat(file.value, &info) != 0) {
    return Unreadable(path + ": cannot be examined: " + Reason(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    return Unreadable(path + ": is not a regular file");
  }
  const auto size = static_cast<size_t>(info.st_size);
  const uint8_t* data = nullptr;
  if (size > 0) {
    void* mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
    if (mapped == MAP_FAILED) {
      return Unreadable(path + ": cannot be mapped: " + Reason(errno));
    }
    data = static_cast<const uint8_t*>(mapped);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<uint8_t*>(data_), size_);
}

}  // namespace tae
