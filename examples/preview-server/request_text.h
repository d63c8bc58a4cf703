// What a request says as text, taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace preview {

// "/a//b/" is {"a", "b"}; no more than eight parts are looked at.
std::vector<std::string> SplitPath(std::string_view path);

// All of `text` is a number without a sign.
std::optional<uint64_t> ParseNumber(std::string_view text);

}  // namespace preview
