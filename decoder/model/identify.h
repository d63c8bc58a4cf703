// Weights by what they are, not by what they are called: sha256 against the
// published files.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tae {

// A published file. Empty strings: not known.
struct KnownFile {
  std::string_view sha256;
  std::string_view variant;   // "flux2"
  std::string_view file;      // the name it was published under
  std::string_view identity;  // for people: "TAEF2 decoder (.pth)"
};

// Lower-case hexadecimal.
std::string Sha256Hex(std::span<const uint8_t> bytes);

// nullptr when no published file has this hash.
const KnownFile* FindKnownFile(std::string_view sha256);

// A sentence when the file at `path` is none of the published ones: that it is
// unknown, or, stronger, that it bears a published file's name. "" when known.
std::string IdentityWarning(const std::string& path, std::string_view sha256);

}  // namespace tae
