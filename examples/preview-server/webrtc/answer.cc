#include "webrtc/answer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace preview::webrtc {
namespace {

constexpr size_t kMostCandidates = 32;

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

// What follows `begin` on the first line that begins so.
std::optional<std::string_view> Find(const std::vector<std::string_view>& lines,
                                     std::string_view begin) {
  for (const std::string_view line : lines)
    if (line.starts_with(begin)) return line.substr(begin.size());
  return std::nullopt;
}

bool IsLetterOrDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

bool HasOnly(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return IsLetterOrDigit(c) || others.find(c) != std::string_view::npos;
  });
}

// RFC 8839: letters, digits, + and /, so many of them.
bool IsIceWord(std::string_view text, size_t least) {
  return text.size() >= least && text.size() <= 256 && HasOnly(text, "+/");
}

// RFC 8122: "sha-256 " and 32 bytes as "AB:CD:...".
bool IsFingerprint(std::string_view text) {
  constexpr std::string_view kHash = "sha-256 ";
  if (!text.starts_with(kHash) || text.size() != kHash.size() + 32 * 3 - 1)
    return false;
  text.remove_prefix(kHash.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hex = (text[i] >= '0' && text[i] <= '9') ||
                     (text[i] >= 'A' && text[i] <= 'F') ||
                     (text[i] >= 'a' && text[i] <= 'f');
    if (i % 3 == 2 ? text[i] != ':' : !hex) return false;
  }
  return true;
}

bool IsCandidate(std::string_view line) {
  return line.starts_with("a=candidate:") && line.size() <= 256 &&
         HasOnly(line.substr(2), " :.+/-");
}

tae::Status Missing(const char* what) {
  return tae::InvalidArgument(std::string("sdp: expected an answer with ") +
                              what);
}

}  // namespace

tae::StatusOr<std::string> ReduceAnswer(std::string_view offer,
                                        std::string_view answer,
                                        bool take_candidates) {
  const auto ours = LinesOf(offer), theirs = LinesOf(answer);
  const auto video = Find(ours, "m=video "), mid = Find(ours, "a=mid:");
  if (!video || !mid) return tae::Internal("the offer has no video");
  const auto taken = Find(theirs, "m=video ");
  if (!taken || taken->starts_with("0 ")) return Missing("a video");
  const auto ufrag = Find(theirs, "a=ice-ufrag:");
  if (!ufrag || !IsIceWord(*ufrag, 4)) return Missing("a=ice-ufrag");
  const auto pwd = Find(theirs, "a=ice-pwd:");
  if (!pwd || !IsIceWord(*pwd, 22)) return Missing("a=ice-pwd");
  const auto fingerprint = Find(theirs, "a=fingerprint:");
  if (!fingerprint || !IsFingerprint(*fingerprint))
    return Missing("a=fingerprint:sha-256");
  const bool passive = Find(theirs, "a=setup:") == "passive";

  std::string text = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
  const auto add = [&](std::string_view begin, std::string_view value = {}) {
    text.append(begin).append(value).append("\r\n");
  };
  add("a=group:BUNDLE ", *mid);
  add("m=video ", *video);
  add("c=IN IP4 0.0.0.0");
  add("a=mid:", *mid);
  for (const std::string_view line : ours)
    for (const char* kept : {"a=rtpmap:", "a=rtcp-fb:", "a=fmtp:", "a=extmap:"})
      if (line.starts_with(kept)) add(line);
  add("a=rtcp-mux");
  add("a=recvonly");
  add(passive ? "a=setup:passive" : "a=setup:active");
  add("a=ice-ufrag:", *ufrag);
  add("a=ice-pwd:", *pwd);
  add("a=fingerprint:", *fingerprint);
  size_t candidates = 0;
  for (const std::string_view line : theirs)
    if (take_candidates && IsCandidate(line) && ++candidates <= kMostCandidates)
      add(line);
  return text;
}

tae::StatusOr<std::string> ReadAnswer(std::string_view offer,
                                      std::string_view body,
                                      bool take_candidates) {
  const auto said = nlohmann::json::parse(body, nullptr, false);
  const auto sdp = said.is_object() ? said.find("sdp") : said.end();
  if (sdp == said.end() || !sdp->is_string())
    return tae::InvalidArgument(
        "expected {\"sdp\": the answer}, at most 64 KiB");
  return ReduceAnswer(offer, sdp->get_ref<const std::string&>(),
                      take_candidates);
}

}  // namespace preview::webrtc
