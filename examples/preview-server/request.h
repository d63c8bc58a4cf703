// A request as the routes see it. Nothing of it is ever a name of a file: paths
// are compared with fixed words, and numbers are looked up in a table.
#pragma once

#include <libsoup/soup.h>

#include <map>
#include <string>
#include <vector>

#include "request_text.h"

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

}  // namespace preview
