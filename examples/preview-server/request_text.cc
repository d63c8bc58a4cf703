#include "request_text.h"

#include <charconv>

namespace preview {

std::vector<std::string> SplitPath(std::string_view path) {
  constexpr size_t kMostParts = 8;
  std::vector<std::string> parts;
  while (!path.empty() && parts.size() < kMostParts) {
    const std::string_view part = path.substr(0, path.find('/'));
    if (!part.empty()) parts.emplace_back(part);
    path.remove_prefix(part.size());
    if (!path.empty()) path.remove_prefix(1);
  }
  return parts;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace preview
