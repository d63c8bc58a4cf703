#include "webrtc/answer.h"

#include <gtest/gtest.h>

#include <string>

namespace preview::webrtc {
namespace {

constexpr char kOffer[] =
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:video0\r\n"
    "a=setup:actpass\r\na=ice-ufrag:ours\r\na=rtpmap:96 VP8/90000\r\n"
    "a=rtcp-fb:96 nack pli\r\na=fmtp:97 apt=96\r\n";

std::string Fingerprint() {
  std::string text = "sha-256 AB";
  for (int i = 1; i < 32; ++i) text += ":0f";
  return text;
}

// An answer as a browser says it, with `more` lines.
std::string Answer(const std::string& more = {},
                   const std::string& fingerprint = Fingerprint()) {
  return "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abcd\r\n"
         "a=ice-pwd:0123456789012345678901\r\na=fingerprint:" +
         fingerprint + "\r\n" + more;
}

size_t Count(const std::string& text, const std::string& word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos;
       at = text.find(word, at + 1))
    ++count;
  return count;
}

TEST(Answer, KeepsCredentialsAndOurOwnFormats) {
  const auto text = ReduceAnswer(kOffer, Answer("a=setup:passive\r\n"), false);
  ASSERT_TRUE(text.ok()) << text.status().message();
  for (const char* line :
       {"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n", "a=ice-ufrag:abcd\r\n",
        "a=rtcp-fb:96 nack pli\r\n", "a=setup:passive\r\n", "a=recvonly\r\n"})
    EXPECT_NE(text->find(line), std::string::npos) << line;
  EXPECT_EQ(text->find("ours"), std::string::npos);
}

TEST(Answer, NothingElseOfIt) {
  const auto text = ReduceAnswer(
      kOffer, Answer("a=rtpmap:96 EVIL/1\r\nm=audio 1 x 0\r\na=odd\r\n"),
      false);
  ASSERT_TRUE(text.ok());
  for (const char* word : {"EVIL", "audio", "odd"})
    EXPECT_EQ(text->find(word), std::string::npos) << word;
}

TEST(Answer, CandidatesOnlyWhereWanted) {
  std::string lines;
  for (int i = 0; i < 100; ++i)
    lines += "a=candidate:1 1 UDP 1 10.0.0.1 9 typ host\r\n";
  lines += "a=candidate:1 1 UDP \x01 10.0.0.1 9 typ host\r\n";
  const std::string answer = Answer(lines);
  EXPECT_EQ(Count(*ReduceAnswer(kOffer, answer, false), "candidate"), 0u);
  EXPECT_EQ(Count(*ReduceAnswer(kOffer, answer, true), "candidate"), 32u);
}

TEST(Answer, WhatIsMissingOrWrongIsSaid) {
  std::string declined = Answer();
  declined.replace(declined.find("m=video 9"), 9, "m=video 0");
  std::string split = Answer();
  split.replace(split.find("abcd"), 4, "ab\rcd");
  for (const std::string& wrong :
       {std::string(), std::string(100000, '\n'), declined, split,
        Answer("", "sha-256 AB"), Answer("", "sha-1 " + Fingerprint()),
        Answer("", Fingerprint().replace(10, 1, "-"))}) {
    const auto text = ReduceAnswer(kOffer, wrong, false);
    ASSERT_FALSE(text.ok()) << wrong.substr(0, 200);
    EXPECT_NE(text.status().message().find("expected"), std::string::npos);
  }
}

}  // namespace
}  // namespace preview::webrtc
