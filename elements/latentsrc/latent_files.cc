#include "latentsrc/latent_files.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>

#include "tae/latent_stream.h"

namespace taegst {
namespace {

bool IsDirectory(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool Exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

// The pattern that matches this path and nothing else.
std::string Escaped(const std::string& path) {
  std::string pattern;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

void AddMatches(const std::string& pattern, std::vector<std::string>* files) {
  glob_t found = {};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; ++i)
      files->push_back(found.gl_pathv[i]);
  globfree(&found);
}

// step_%03d.npy -> step_[0-9]*.npy: the number itself is never formatted.
std::string GlobOfPattern(const std::string& pattern) {
  const size_t percent = pattern.find('%');
  if (percent == std::string::npos) return pattern;
  size_t end = percent + 1;
  while (end < pattern.size() && pattern[end] >= '0' && pattern[end] <= '9')
    ++end;
  if (end >= pattern.size() || (pattern[end] != 'd' && pattern[end] != 'u'))
    return pattern;
  return pattern.substr(0, percent) + "[0-9]*" + pattern.substr(end + 1);
}

}  // namespace

tae::StatusOr<std::vector<std::string>> ListLatentFiles(
    const std::string& location) {
  std::vector<std::string> files;
  if (IsDirectory(location)) {
    for (const char* ending : {".safetensors", ".npy", ".npz", ".latent"})
      AddMatches(Escaped(location) + "/*" + ending, &files);
  } else if (Exists(location)) {
    files.push_back(location);
  } else {
    AddMatches(GlobOfPattern(location), &files);
    // The folders may have brackets in their names, which are no pattern.
    const size_t slash = location.rfind('/');
    if (files.empty() && slash != location.npos)
      AddMatches(Escaped(location.substr(0, slash)) +
                     GlobOfPattern(location.substr(slash)),
                 &files);
  }
  if (files.empty())
    return tae::NotFound(location + ": no file of latents there");
  std::sort(files.begin(), files.end(), tae::NaturalLess);
  return files;
}

}  // namespace taegst
