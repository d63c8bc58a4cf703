// Words of a command line: options, values, the rest, and what is refused.
#include "tool/arguments.h"

#include <gtest/gtest.h>

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {{"--model"}, {"-o"}, {"--json", false}};

StatusOr<Arguments> Parse(const std::vector<std::string>& words) {
  return Arguments::Parse(words, kOptions);
}

TEST(Arguments, OptionsStandAnywhere) {
  const auto arguments =
      Parse({"a", "--model", "-x", "--json", "b", "-o", "out", "--", "--c"});
  ASSERT_TRUE(arguments.ok()) << arguments.status().message();
  EXPECT_EQ(arguments->Value("--model"), "-x");
  EXPECT_EQ(arguments->Value("-o"), "out");
  EXPECT_TRUE(arguments->Has("--json"));
  EXPECT_EQ(arguments->positional(),
            (std::vector<std::string>{"a", "b", "--c"}));
  EXPECT_EQ(Parse({"--model=m=1"})->Value("--model"), "m=1");
}

TEST(Arguments, WhatDoesNotFitIsRefused) {
  EXPECT_FALSE(Parse({"--models", "x"}).ok());
  EXPECT_FALSE(Parse({"--model"}).ok());
  EXPECT_FALSE(Parse({"--json=1"}).ok());
}

TEST(Arguments, WordsBecomeValues) {
  EXPECT_EQ(*ParsePrecision(""), Precision::kAuto);
  EXPECT_EQ(*ParsePrecision("int8"), Precision::kInt8);
  EXPECT_FALSE(ParsePrecision("f64").ok());
  EXPECT_EQ(*ParseBackend("blas"), Backend::kBlas);
  EXPECT_EQ(*ParseFormat("NV12"), PixelFormat::kNv12);
  EXPECT_EQ(*ParseThreads("7"), 7);
  EXPECT_FALSE(ParseThreads("-1").ok());
  EXPECT_FALSE(ParseThreads("7x").ok());
  EXPECT_EQ(*ParseSize("1024x768"), (Extent{768, 1024}));
  for (const char* bad : {"", "x", "12", "0x8", "8x0", "8x8x8", "8 x8", "-8x8",
                          "99999999999x8"}) {
    EXPECT_FALSE(ParseSize(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace tae::tool
