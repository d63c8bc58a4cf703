// Names of spaces as long as a file or a producer cares to make them.
#include <gtest/gtest.h>

#include <string>

#include "tae/variant.h"

namespace tae {
namespace {

TEST(LongNames, AreNoVariants) {
  EXPECT_NE(FindVariant("models/flux2"), nullptr);
  EXPECT_EQ(FindVariant(std::string(5000, '/') + "flux2"), nullptr);
}

// As many letters as the message shows are compared, whatever comes behind.
TEST(LongNames, TheNearestAreThoseOfWhatTheMessageShows) {
  const std::string shown = "fluks2" + std::string(74, '-');
  const std::string cut = UnknownVariant(shown).message();
  EXPECT_NE(cut.find(shown), std::string::npos) << cut;
  EXPECT_EQ(UnknownVariant(shown + std::string(100000, '-') + "sdxl").message(),
            cut);
}

}  // namespace
}  // namespace tae
