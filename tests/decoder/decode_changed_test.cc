// Pictures that are brought up to date where the latent changed, against
// pictures decoded whole: the same bits, whatever decodes.
#include <gtest/gtest.h>

#include <random>

#include "support/instrumented.h"
#include "support/seeded_model.h"
#include "tae/changed_rows.h"
#include "tae/decoder.h"

namespace tae {
namespace {

using testing::SeededLatent;
using testing::SeededModel;

struct Network {
  const char* name;
  std::shared_ptr<const Model> model;
  bool leaves_out;
  int rows = 44;  // of a latent
};

std::vector<Network> Networks() {
  return {{"sd", SeededModel(TaesdSpec(4, false), "sd1"), true},
          {"flux1", SeededModel(TaesdSpec(16, false), "flux1"), true},
          {"flux2", testing::SeededFlux2(), false, 7},
          {"builtin", *BuiltinModel("flux2"), false, 7},
          {"linear", *LinearModel("flux2"), false, 7}};
}

// A picture with rows of its own length, any format of up to three planes.
struct Picture {
  Picture(PixelFormat format, int width, int height)
      : bytes(size_t(width) * height * 3, 0x55) {
    view = {.format = format, .width = width, .height = height};
    const bool halves = format == PixelFormat::kI420;
    view.plane[0] = bytes.data();
    view.stride[0] = halves ? width : 3 * width;
    view.plane[1] = bytes.data() + size_t(width) * height;
    view.plane[2] = bytes.data() + size_t(width) * height * 2;
    view.stride[1] = view.stride[2] = (width + 1) / 2;
  }
  std::vector<uint8_t> bytes;
  FrameView view;
};

class Run {
 public:
  Run(const Network& network, const DecoderOptions& options, PixelFormat format)
      : latent_(GetModelInfo(*network.model).latent_channels,
                {network.rows, 2}),
        decoder_(network.model, options),
        kept_(format, 16, network.rows * 8),
        whole_(format, 16, network.rows * 8) {
    EXPECT_TRUE(
        decoder_.Prepare({.latent = latent_.view.extent, .format = format})
            .ok());
  }

  void Change(int first, int end) {
    const int height = latent_.view.extent.height;
    for (int c = 0; c < latent_.view.channels; ++c)
      for (int i = first * 2; i < end * 2; ++i)
        latent_.values[size_t(c) * height * 2 + i] += normal_(random_);
  }

  // Rows of the picture that were left out.
  int Step() {
    EXPECT_TRUE(changed_.Update(latent_.view).ok());
    DecodeReport report;
    EXPECT_TRUE(
        decoder_
            .DecodeChanged(latent_.view, changed_.rows(), kept_.view, &report)
            .ok());
    EXPECT_TRUE(decoder_.Decode(latent_.view, whole_.view, nullptr).ok());
    EXPECT_EQ(kept_.bytes, whole_.bytes);
    return report.rows_left_out;
  }

  const Decoder& decoder() const { return decoder_; }
  int height() const { return kept_.view.height; }

 private:
  SeededLatent latent_;
  Decoder decoder_;
  Picture kept_, whole_;
  ChangedRows changed_;
  std::mt19937 random_{5};
  std::normal_distribution<float> normal_;
};

void Check(const Network& network, const DecoderOptions& options,
           PixelFormat format, bool leaves_out) {
  SCOPED_TRACE(network.name);
  Run run(network, options, format);
  EXPECT_EQ(run.decoder().stats().leaves_out_rows, leaves_out);
  EXPECT_EQ(run.Step(), 0);
  EXPECT_EQ(run.Step(), run.height());
  run.Change(0, 1);
  const int at_the_top = run.Step();
  EXPECT_EQ(at_the_top > 0, leaves_out);
  EXPECT_LT(at_the_top, run.height());
  run.Change(network.rows - 3, network.rows);
  run.Step();
  run.Change(2, network.rows / 2);
  run.Step();
  run.Change(0, network.rows);
  EXPECT_EQ(run.Step(), 0);
}

TEST(DecodeChangedTest, TheBitsAreThoseOfDecodingAll) {
  for (const Network& network : Networks()) {
    for (PixelFormat format : {PixelFormat::kRgb, PixelFormat::kI420})
      Check(network, {}, format, network.leaves_out);
    if (testing::kThreadSanitizer) break;
  }
}

TEST(DecodeChangedTest, AnyNumberOfThreads) {
  for (int threads : testing::Sample({2, 5}, {3})) {
    DecoderOptions options;
    options.parallel = MakeThreadPool({.threads = threads});
    Network network = Networks().front();
    Check(network, options, PixelFormat::kRgb, true);
  }
}

// It cannot leave anything out, but what did not change at all.
TEST(DecodeChangedTest, TheReferenceDecodesAll) {
  DecoderOptions options;
  options.backend = Backend::kReference;
  Network network = Networks().front();
  network.rows = 4;
  Check(network, options, PixelFormat::kRgb, false);
}

TEST(DecodeChangedTest, RefusesAnotherNumberOfRows) {
  const Network network = Networks().front();
  Decoder decoder(network.model, {});
  ASSERT_TRUE(decoder.Prepare({.latent = {3, 2}}).ok());
  const SeededLatent latent(4, {3, 2});
  Picture picture(PixelFormat::kRgb, 16, 24);
  const std::vector<uint8_t> changed(2, 1);
  EXPECT_EQ(
      decoder.DecodeChanged(latent.view, changed, picture.view, nullptr).code(),
      StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tae
