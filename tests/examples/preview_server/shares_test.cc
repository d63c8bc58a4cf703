#include "shares.h"

#include <gtest/gtest.h>

#include <vector>

namespace preview {
namespace {

std::vector<Shares::Place> TakeAll(Shares* shares, const std::string& address) {
  std::vector<Shares::Place> places;
  while (Shares::Place place = shares->Take(address))
    places.push_back(std::move(place));
  return places;
}

TEST(SharesTest, AnAddressGetsAQuarterAndOthersThreeQuarters) {
  Shares shares(64);
  const auto first = TakeAll(&shares, "192.0.2.1");
  EXPECT_EQ(first.size(), 16u);
  EXPECT_EQ(shares.FullFor("192.0.2.1"), Shares::Full::kAddress);
  const auto second = TakeAll(&shares, "192.0.2.2");
  const auto third = TakeAll(&shares, "2001:db8::1");
  EXPECT_EQ(second.size() + third.size(), 32u);
  EXPECT_EQ(shares.FullFor("192.0.2.3"), Shares::Full::kRemote);
  EXPECT_EQ(TakeAll(&shares, "127.0.0.1").size(), 16u);
}

TEST(SharesTest, ThisMachineMayHaveAll) {
  Shares shares(64);
  auto places = TakeAll(&shares, "127.0.0.1");
  EXPECT_EQ(places.size(), 64u);
  EXPECT_EQ(shares.FullFor("::1"), Shares::Full::kAll);
  EXPECT_EQ(shares.Take("192.0.2.1"), nullptr);
  places.pop_back();
  EXPECT_NE(shares.Take("192.0.2.1"), nullptr);
}

TEST(SharesTest, PlacesComeBackAlsoLater) {
  Shares::Place kept;
  {
    Shares shares(4);
    for (int i = 0; i < 100; ++i) {
      const auto place = shares.Take("192.0.2.1");
      ASSERT_NE(place, nullptr);
      EXPECT_EQ(shares.taken(), 1u);
    }
    EXPECT_EQ(shares.taken(), 0u);
    kept = shares.Take("192.0.2.1");
  }
  kept.reset();
}

TEST(SharesTest, Loopback) {
  for (const char* own : {"", "127.0.0.1", "127.8.9.1", "::1"})
    EXPECT_TRUE(Shares::IsLoopback(own)) << own;
  for (const char* other : {"10.0.0.1", "1127.0.0.1", "::", "fe80::1"})
    EXPECT_FALSE(Shares::IsLoopback(other)) << other;
}

}  // namespace
}  // namespace preview
