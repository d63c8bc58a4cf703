#include "access.h"

#include <gtest/gtest.h>

#include "request.h"

namespace preview {
namespace {

TEST(Access, WithoutATokenOnlyThisMachinesNames) {
  for (const char* host : {"localhost", "localhost:8080", "127.0.0.1:8080",
                           "127.1.2.3", "[::1]:8080"})
    EXPECT_EQ(Judge({.host = host}, ""), Verdict::kAllowed) << host;
  for (const char* host :
       {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80",
        "192.168.1.2", "127.0.0.1x", "[::2]:8080"})
    EXPECT_EQ(Judge({.host = host}, ""), Verdict::kForeign) << host;
}

TEST(Access, PagesOfOtherSitesAreForeignEvenWithTheToken) {
  EXPECT_EQ(
      Judge({.host = "localhost:80", .origin = "http://localhost:80"}, ""),
      Verdict::kAllowed);
  for (const char* origin :
       {"http://localhost:81", "https://evil.example", "null", "localhost:80"})
    EXPECT_EQ(
        Judge({.host = "localhost:80", .origin = origin, .token = "secret"},
              "secret"),
        Verdict::kForeign)
        << origin;
}

TEST(Access, TokenInAnyOfThreePlaces) {
  EXPECT_EQ(Judge({.authorization = "Bearer secret"}, "secret"),
            Verdict::kAllowed);
  EXPECT_EQ(Judge({.cookie = "x=y; tae_preview_token=secret"}, "secret"),
            Verdict::kAllowed);
  EXPECT_EQ(Judge({.token = "secret"}, "secret"), Verdict::kAllowedByQuery);
  for (const char* wrong : {"", "secre", "secrets", "Secret", "tttttt"})
    EXPECT_EQ(Judge({.token = wrong}, "secret"), Verdict::kNoToken) << wrong;
  EXPECT_EQ(Judge({.authorization = "secret",
                   .cookie = "atae_preview_token=secret; tae_preview_token"},
                  "secret"),
            Verdict::kNoToken);
}

TEST(Access, SecretsOfDifferentLengthDiffer) {
  EXPECT_TRUE(SameSecret("ab", "ab"));
  EXPECT_FALSE(SameSecret("abab", "ab"));
  EXPECT_FALSE(SameSecret("", "ab"));
  EXPECT_FALSE(SameSecret("ab", ""));
}

TEST(Request, NumbersAreWholeAndUnsigned) {
  EXPECT_EQ(ParseNumber("18446744073709551615"), ~uint64_t{0});
  for (const char* wrong :
       {"", "-1", "+1", "1 ", " 1", "0x1", "1.0", "18446744073709551616"})
    EXPECT_EQ(ParseNumber(wrong), std::nullopt) << wrong;
}

TEST(Request, PathsAreSplitAndCut) {
  EXPECT_EQ(SplitPath("/a//b/"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(SplitPath("/").empty());
  EXPECT_EQ(SplitPath(std::string(100000, '/') + "x").size(), 1u);
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "/x";
  EXPECT_EQ(SplitPath(deep).size(), 8u);
}

}  // namespace
}  // namespace preview
