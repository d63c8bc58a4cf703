#include "access.h"

namespace preview {
namespace {

// The host of "host", "host:port" or "[v6]:port".
std::string_view HostOf(std::string_view text) {
  if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);
  return text.substr(0, text.find(':'));
}

// A page whose name was made to point at this machine comes with that name.
bool IsLoopbackName(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host == "::1" ||
         (host.starts_with("127.") &&
          host.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool IsForeign(std::string_view origin, std::string_view host) {
  if (origin.empty()) return false;
  const size_t slashes = origin.find("://");
  return slashes == std::string_view::npos ||
         origin.substr(slashes + 3) != host;
}

// The value of a cookie, "" where there is none of that name.
std::string_view CookieValue(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    std::string_view pair = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(pair.size());
    if (!cookies.empty()) cookies.remove_prefix(1);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) &&
        pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

bool SameSecret(std::string_view a, std::string_view b) {
  unsigned char difference = a.size() != b.size();
  for (size_t i = 0; i < a.size() && !b.empty(); ++i)
    difference |= static_cast<unsigned char>(a[i] ^ b[i % b.size()]);
  return difference == 0;
}

Verdict Judge(const Claim& claim, std::string_view token) {
  if (IsForeign(claim.origin, claim.host)) return Verdict::kForeign;
  if (token.empty())
    return claim.host.empty() || IsLoopbackName(HostOf(claim.host))
               ? Verdict::kAllowed
               : Verdict::kForeign;
  constexpr std::string_view kBearer = "Bearer ";
  if (claim.authorization.starts_with(kBearer) &&
      SameSecret(claim.authorization.substr(kBearer.size()), token))
    return Verdict::kAllowed;
  if (SameSecret(CookieValue(claim.cookie, kTokenCookie), token))
    return Verdict::kAllowed;
  if (!claim.token.empty() && SameSecret(claim.token, token))
    return Verdict::kAllowedByQuery;
  return Verdict::kNoToken;
}

}  // namespace preview
