// Real weights and golden cases, where this machine has them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tae {

// "" when the file is not there: the test then skips itself, visibly.
inline std::string SharedFile(const std::string& name) {
  const char* folder = std::getenv("TAE_SHARED");
  if (folder == nullptr) return "";
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  std::error_code error;
  return std::filesystem::exists(path, error) ? path.string() : "";
}

}  // namespace tae

// Ends the test as skipped when TAE_SHARED has no such file.
#define TAE_SHARED_OR_SKIP(variable, name)              \
  const std::string variable = ::tae::SharedFile(name); \
  if (variable.empty()) GTEST_SKIP() << "needs " << (name) << " in TAE_SHARED"
