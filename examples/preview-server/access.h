// Who may see and do what. Without a token: programs of this machine, and no
// page of another site in its browser. With one: whoever has it.
#pragma once

#include <string>
#include <string_view>

namespace preview {

// What a request says of where it comes from; "" = nothing.
struct Claim {
  std::string_view host = {};           // header Host
  std::string_view origin = {};         // header Origin
  std::string_view authorization = {};  // header Authorization
  std::string_view cookie = {};         // header Cookie
  std::string_view token = {};          // of the query
};

enum class Verdict {
  kAllowed,
  kAllowedByQuery,  // from now on a cookie may say it
  kNoToken,
  kForeign,  // a page of another site asks
};

inline constexpr char kTokenCookie[] = "tae_preview_token";

// `token` "" = none is asked for.
Verdict Judge(const Claim& claim, std::string_view token);

// Takes as long for a wrong first letter as for a wrong last one.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace preview
