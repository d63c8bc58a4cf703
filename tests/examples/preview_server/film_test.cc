#include "film.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <string>

#include "tae/latent_stream.h"
#include "taedecode/taedecode.h"

namespace preview {
namespace {

class FilmTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    gst_init(nullptr, nullptr);
    GST_ELEMENT_REGISTER(taedecode, nullptr);
  }

  // So many latents of 64x64 pixels; `broken`: the last one is none.
  static FilmSource Latents(size_t count, bool broken = false) {
    const std::string payload(32 * 8 * 8 * 2, '\0');
    const auto head =
        tae::EncodeLatentHeader(tae::StoredType::kF16, {1, 32, 8, 8},
                                payload.size(), {{"space", "flux2"}});
    FilmSource film{.latents = {}, .pictures = {}, .width = 64, .height = 64};
    for (size_t i = 0; i < count; ++i)
      film.latents.push_back({.bytes = CopyBytes(*head + payload)});
    if (broken) film.latents.back().bytes = CopyBytes("rubbish, not a latent");
    return film;
  }

  static void Wait(const bool& done) {
    while (!done) g_main_context_iteration(nullptr, TRUE);
  }

  FilmMaker maker_{{}};
};

TEST_F(FilmTest, OneAfterTheOther) {
  std::string order;
  bool done = false;
  for (const char name : {'a', 'b', 'c'})
    EXPECT_NE(maker_.Make(Latents(3),
                          [&, name](const Bytes& webm, const std::string&) {
                            EXPECT_GT(SizeOf(webm), 100u);
                            order += name;
                            done = order.size() == 3;
                          }),
              0u);
  EXPECT_EQ(maker_.waiting(), 3u);
  Wait(done);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(maker_.waiting(), 0u);
}

TEST_F(FilmTest, ACancelledFilmIsForgottenAndTheNextOneMade) {
  bool cancelled_done = false, done = false;
  const auto never = [&](const Bytes&, const std::string&) {
    cancelled_done = true;
  };
  const uint64_t runs = maker_.Make(Latents(500), never);
  const uint64_t waits = maker_.Make(Latents(500), never);
  maker_.Make(Latents(2), [&](const Bytes& webm, const std::string&) {
    done = webm != nullptr;
  });
  maker_.Cancel(waits);
  maker_.Cancel(runs);
  maker_.Cancel(12345);
  EXPECT_EQ(maker_.waiting(), 1u);
  Wait(done);
  EXPECT_FALSE(cancelled_done);
}

TEST_F(FilmTest, ALatentThatIsNoneIsSaid) {
  bool done = false;
  maker_.Make(
      Latents(3, true), [&](const Bytes& webm, const std::string& error) {
        EXPECT_EQ(webm, nullptr);
        EXPECT_NE(error.find("The film was not made"), std::string::npos);
        done = true;
      });
  Wait(done);
}

TEST_F(FilmTest, NoMoreThanSoMany) {
  size_t taken = 0;
  while (maker_.Make(Latents(1), [](const Bytes&, const std::string&) {}) != 0)
    ++taken;
  EXPECT_EQ(taken, FilmMaker::kMostWaiting);
}

}  // namespace
}  // namespace preview
