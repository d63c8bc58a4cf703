// A decode that somebody interrupts: it ends soon, says so, and leaves the
// executor fit for the next.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "support/seeded_model.h"

namespace tae {
namespace {

using testing::FloatFrame;
using testing::SeededFlux2;
using testing::SeededLatent;

constexpr Extent kLatent{12, 10};

// Runs in the caller and sets the flag after so many indices.
class CancelAfter final : public ParallelFor {
 public:
  CancelAfter(std::shared_ptr<std::atomic<bool>> flag, int after)
      : flag_(std::move(flag)), left_(after) {}
  int workers() const override { return 1; }
  void Run(int count, Task task, void* context) override {
    for (int i = 0; i < count; ++i) {
      if (left_-- == 0) flag_->store(true);
      task(context, i, 0);
    }
  }

 private:
  const std::shared_ptr<std::atomic<bool>> flag_;
  int left_;
};

struct Case {
  std::shared_ptr<const Model> model;
  Backend backend;
};

std::vector<Case> Cases() {
  return {{SeededFlux2(), Backend::kReference},
          {SeededFlux2(), Backend::kNative},
          {*BuiltinModel("flux2"), Backend::kNative},
          {*LinearModel("flux2"), Backend::kAuto}};
}

class Decoding {
 public:
  Decoding(const Case& c, std::shared_ptr<ParallelFor> parallel,
           CancelFlag cancel)
      : latent_(32, kLatent),
        frame_(kLatent.width * 8, kLatent.height * 8),
        decoder_(c.model, {.backend = c.backend,
                           .parallel = std::move(parallel),
                           .cpu = "",
                           .cancel = std::move(cancel)}) {
    EXPECT_TRUE(
        decoder_
            .Prepare({.latent = kLatent, .format = PixelFormat::kRgbPlanarF32})
            .ok());
  }

  DecodeReport Decode() {
    DecodeReport report;
    EXPECT_TRUE(decoder_.Decode(latent_.view, frame_.view, &report).ok());
    return report;
  }
  const std::vector<float>& picture() const { return frame_.values; }

 private:
  SeededLatent latent_;
  FloatFrame frame_;
  Decoder decoder_;
};

TEST(CancelTest, FlagThatIsSetLeavesTheFrameAlone) {
  for (const Case& c : Cases()) {
    const auto flag = std::make_shared<std::atomic<bool>>(true);
    Decoding run(c, MakeThreadPool({.threads = 2}), flag);
    const std::vector<float> before = run.picture();
    EXPECT_TRUE(run.Decode().interrupted);
    EXPECT_EQ(run.picture(), before);
  }
}

TEST(CancelTest, NextDecodeIsAsIfNothingHadBeen) {
  for (const Case& c : Cases()) {
    Decoding plain(c, MakeThreadPool({.threads = 2}), nullptr);
    EXPECT_FALSE(plain.Decode().interrupted);
    const auto flag = std::make_shared<std::atomic<bool>>(false);
    Decoding run(c, MakeThreadPool({.threads = 2}), flag);
    for (int delay : {0, 200, 1000, 3000}) {
      std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(delay));
        flag->store(true);
      });
      run.Decode();
      other.join();
      flag->store(false);
      EXPECT_FALSE(run.Decode().interrupted);
      EXPECT_EQ(run.picture(), plain.picture());
    }
  }
}

TEST(CancelTest, InTheMiddleOfAStepTheRestIsLeftOut) {
  const auto flag = std::make_shared<std::atomic<bool>>(false);
  const Case linear{*LinearModel("flux2"), Backend::kAuto};
  Decoding run(linear, std::make_shared<CancelAfter>(flag, 3), flag);
  EXPECT_TRUE(run.Decode().interrupted);
}

}  // namespace
}  // namespace tae
