// Any bytes as a browser's answer to a WebRTC offer, the SDP alone and in JSON.
// What is let through to webrtcbin has only the lines that the reducer writes
// itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "webrtc/answer.h"
#include "webrtc/session_description.h"

namespace {

constexpr char kOffer[] =
    "v=0\r\no=- 1 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE video0\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=rtcp-mux\r\n"
    "a=sendonly\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n"
    "a=mid:video0\r\n";

void Check(const tae::StatusOr<std::string>& answer, bool take_candidates) {
  if (!answer.ok()) {
    if (answer.status().message().empty()) abort();
    return;
  }
  size_t candidates = 0, at = 0;
  while ((at = answer->find("a=candidate:", at)) != answer->npos)
    ++at, ++candidates;
  if (candidates > (take_candidates ? 32u : 0u)) abort();
  for (size_t i = 0; i < answer->size(); ++i) {
    const char c = (*answer)[i];
    const bool end = c == '\n' || c == '\r';
    if (!end && (c < ' ' || c > '~')) abort();
    if (c == '\n' && (i == 0 || (*answer)[i - 1] != '\r')) abort();
    if (c == '\r' && (i + 1 == answer->size() || (*answer)[i + 1] != '\n'))
      abort();
  }
  if (!preview::webrtc::ParseSdp(*answer)) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view said(reinterpret_cast<const char*>(data), size);
  for (const bool candidates : {false, true}) {
    using preview::webrtc::ReadAnswer, preview::webrtc::ReduceAnswer;
    Check(ReduceAnswer(kOffer, said, candidates), candidates);
    Check(ReadAnswer(kOffer, said, candidates), candidates);
  }
  return 0;
}
