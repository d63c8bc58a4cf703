// `tae` in this process: the first line of the input is its command line, the
// rest is the file that the word FILE in it names. It runs in a folder of its
// own, and no word leaves that.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "support/temp_folder.h"
#include "tool/arguments.h"
#include "tool/commands.h"

namespace {

using Run = tae::StatusOr<int> (*)(tae::tool::Words);

// Those that read files, but for `fit`, which would take long.
constexpr Run kCommands[] = {tae::tool::Inspect,  tae::tool::Decode,
                             tae::tool::Doctor,   tae::tool::Validate,
                             tae::tool::Quantize, tae::tool::Reuse};

std::vector<std::string> WordsOf(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty() && words.size() < 16) {
    std::string word(line.substr(0, line.find(' ')));
    line.remove_prefix(std::min(line.size(), word.size() + 1));
    for (char& c : word)
      if (c == '/' || c == '~' || c == '\0') c = '_';
    // A thousand threads are no fault, but slow.
    if (word.starts_with("--threads")) word = "--threads=1";
    words.push_back(std::move(word));
  }
  return words;
}

// What every command makes of its words.
void ParseAll(std::span<const std::string> words) {
  for (const std::string& word : words) {
    (void)tae::tool::ParsePrecision(word);
    (void)tae::tool::ParseBackend(word);
    (void)tae::tool::ParseFormat(word);
    (void)tae::tool::ParseThreads(word);
    (void)tae::tool::ParseSize(word);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  static const tae::TempFolder folder;
  for (const char* name : {"TAE_MODEL_PATH", "COMFYUI_PATH"})
    setenv(name, "", 1);
  for (const char* name : {"XDG_DATA_HOME", "XDG_DATA_DIRS", "HOME"})
    setenv(name, folder.path().c_str(), 1);
  if (chdir(folder.path().c_str()) != 0) abort();
  if (freopen("/dev/null", "w", stdout) == nullptr) abort();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Run run = kCommands[data[0] % std::size(kCommands)];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1,
                              size - 1);
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::vector<std::string> words = WordsOf(line);
  FILE* file = fopen("FILE", "wb");
  if (file == nullptr) abort();
  if (line.size() < text.size())
    fwrite(text.data() + line.size() + 1, 1, text.size() - line.size() - 1,
           file);
  fclose(file);
  ParseAll(words);
  const auto result = run(words);
  if (!result.ok() && result.status().message().empty()) abort();
  return 0;
}
