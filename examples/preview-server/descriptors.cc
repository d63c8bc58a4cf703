#include "descriptors.h"

#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>

namespace preview {
namespace {

// More are never in use, and some libraries keep a table of them.
constexpr rlim_t kMost = 65536;
// What latents, decoder and encoders of pictures may need at any time.
constexpr size_t kReserve = 64;

}  // namespace

void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min(limit.rlim_max, kMost);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

size_t FreeDescriptors() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  DIR* open = opendir("/proc/self/fd");
  if (open == nullptr) return 0;
  size_t used = 0;
  while (readdir(open) != nullptr) ++used;
  closedir(open);
  used -= std::min<size_t>(used, 3);  // ".", ".." and the folder itself
  const size_t most = size_t(std::min(limit.rlim_cur, kMost));
  return most - std::min(most, used);
}

bool EnoughDescriptors(size_t wanted) {
  return FreeDescriptors() >= wanted + kReserve;
}

}  // namespace preview
