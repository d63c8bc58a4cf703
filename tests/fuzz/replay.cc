// A fuzz target as a plain test: every file of the corpus, and of each some
// thousand mutations from a fixed seed.
//   replay CORPUS_FOLDER [MUTATIONS_PER_FILE]
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <vector>

#include "support/temp_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" __attribute__((weak)) int LLVMFuzzerInitialize(int* argc,
                                                          char*** argv);

namespace {

using Bytes = std::vector<uint8_t>;

// Numbers at which readers err.
constexpr uint8_t kEdges[] = {0, 1, 0x7F, 0x80, 0xFF, '{', '"', '9', '-', '('};

size_t Below(std::mt19937& random, size_t limit) {
  return limit == 0 ? 0 : random() % limit;
}

void MutateOnce(std::mt19937& random, Bytes& bytes) {
  const size_t at = Below(random, bytes.size());
  switch (random() % 6) {
    case 0:
      if (!bytes.empty()) bytes[at] ^= static_cast<uint8_t>(1 << random() % 8);
      break;
    case 1:
      if (!bytes.empty()) bytes[at] = kEdges[random() % std::size(kEdges)];
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at),
                   kEdges[random() % std::size(kEdges)]);
      break;
    case 4: {  // a piece again, elsewhere
      const size_t size =
          std::min<size_t>(1 + random() % 32, bytes.size() - at);
      const Bytes piece(bytes.begin() + static_cast<ptrdiff_t>(at),
                        bytes.begin() + static_cast<ptrdiff_t>(at + size));
      bytes.insert(
          bytes.begin() + static_cast<ptrdiff_t>(Below(random, bytes.size())),
          piece.begin(), piece.end());
      break;
    }
    default: {  // a piece less
      const size_t size =
          std::min<size_t>(1 + random() % 32, bytes.size() - at);
      bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at),
                  bytes.begin() + static_cast<ptrdiff_t>(at + size));
      break;
    }
  }
}

void Feed(const Bytes& bytes) {
  // Of exactly this size, so that a sanitizer sees a read past the end.
  const Bytes exact(bytes);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  if (LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 2000;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    const Bytes original = tae::ReadBytes(path.string());
    Feed(original);
    std::mt19937 random(1);
    for (int i = 0; i < mutations; ++i) {
      Bytes bytes = original;
      for (unsigned n = 1 + random() % 6; n > 0; --n) {
        MutateOnce(random, bytes);
      }
      Feed(bytes);
    }
  }
  std::printf("%zu files, %d mutations each\n", files.size(), mutations);
  return files.empty() ? 1 : 0;
}
