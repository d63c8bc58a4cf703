// A request as the routes see it. Nothing of it is ever a name of a file: paths
// are compared with fixed words, and numbers are looked up in a table.
#pragma once

#include <libsoup/soup.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace preview {

struct Request {
  SoupServerMessage* message = nullptr;
  bool post = false;              // else GET or HEAD
  bool head = false;              // no body is wanted
  std::vector<std::string> path;  // "/a/b/" is {"a", "b"}
  std::map<std::string, std::string> query;
  std::string body;  // of a POST that says a length, up to 64 KiB

  // "" where there is none.
  std::string Query(const std::string& name) const {
    const auto found = query.find(name);
    return found != query.end() ? found->second : "";
  }
};

// "/a//b/" is {"a", "b"}; no more than eight parts are looked at.
std::vector<std::string> SplitPath(std::string_view path);

// All of `text` is a number without a sign.
std::optional<uint64_t> ParseNumber(std::string_view text);

}  // namespace preview
