// Lines as the headers of a request (Host, Origin, Authorization, Cookie), the
// token in its query and its path. Without a token nobody but this machine's
// own names is let in; with one, nobody who does not have it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access.h"
#include "request_text.h"

namespace {

constexpr std::string_view kToken = "0123456789abcdef";

std::string_view TakeLine(std::string_view* text) {
  const std::string_view line = text->substr(0, text->find('\n'));
  text->remove_prefix(std::min(text->size(), line.size() + 1));
  return line;
}

bool IsAllowed(const preview::Claim& claim, std::string_view token) {
  const preview::Verdict verdict = preview::Judge(claim, token);
  return verdict == preview::Verdict::kAllowed ||
         verdict == preview::Verdict::kAllowedByQuery;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  preview::Claim claim;
  claim.host = TakeLine(&text);
  claim.origin = TakeLine(&text);
  claim.authorization = TakeLine(&text);
  claim.cookie = TakeLine(&text);
  claim.token = TakeLine(&text);
  const std::string all = std::string(claim.authorization) + "\n" +
                          std::string(claim.cookie) + "\n" +
                          std::string(claim.token);
  if (IsAllowed(claim, kToken) && all.find(kToken) == all.npos) abort();
  if (IsAllowed(claim, "") && !claim.host.empty()) {
    const std::string_view host = claim.host;
    if (!host.starts_with("localhost") && !host.starts_with("127.") &&
        !host.starts_with("[::1]") && !host.starts_with("::1"))
      abort();
  }
  for (const std::string& part : preview::SplitPath(text)) {
    if (part.empty() || part.find('/') != part.npos) abort();
    (void)preview::ParseNumber(part);
  }
  return 0;
}
