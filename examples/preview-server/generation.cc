#include "generation.h"

#include <utility>

namespace preview {

std::string ShortText(std::string text) {
  constexpr size_t kMostText = 4096;
  if (text.size() > kMostText) text.resize(kMostText);
  return text;
}

void Thin(Generation* generation) {
  std::deque<Step> kept;
  const size_t count = generation->steps.size();
  for (size_t i = 0; i < count; ++i)
    if (i % 2 == 0 || i + 1 == count)
      kept.push_back(std::move(generation->steps[i]));
  generation->steps = std::move(kept);
}

}  // namespace preview
