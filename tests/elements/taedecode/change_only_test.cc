// Rows of pictures that are not decoded again: no bit of any picture may tell.
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "support/decode_harness.h"
#include "support/seeded_weights.h"
#include "support/temp_folder.h"

namespace tae_test {
namespace {

constexpr LatentShape kShape{4, 61, 2};

// A decoder without GroupNorm, on disk while tests run.
const std::string& Weights() {
  static const tae::TempFolder folder;
  static const std::string path =
      folder.Write("sd.safetensors", tae::testing::SeededWeights(4).bytes());
  return path;
}

std::string Element(bool change_only, const std::string& more = "") {
  return "taedecode variant=sd method=tae model-file=" + Weights() +
         (change_only ? " change-only=true " : " change-only=false ") + more;
}

// Latents in which some rows change from one to the next.
class Generation {
 public:
  explicit Generation(LatentShape shape = kShape) : shape_(shape) {
    values_ = LatentValues(shape);
  }

  const std::vector<float>& Next() {
    // All, none, one, the first few, some in the middle, two far apart.
    const int rows = shape_.height;
    switch (step_++ % 6) {
      case 0:
        Change(0, rows);
        break;
      case 1:
        break;
      case 2:
        Change(int(random_() % unsigned(rows)), 1);
        break;
      case 3:
        Change(0, 3);
        break;
      case 4:
        Change(rows / 2, rows / 8);
        break;
      case 5:
        Change(0, 1);
        Change(rows - 1, 1);
        break;
    }
    return values_;
  }

  void Change(int first, int count) {
    for (int c = 0; c < shape_.channels; ++c)
      for (int y = first; y < first + count; ++y)
        for (int x = 0; x < shape_.width; ++x) At(c, y, x) += normal_(random_);
  }
  float& At(int c, int y, int x) {
    return values_[(size_t(c) * shape_.height + y) * shape_.width + x];
  }
  const std::vector<float>& values() const { return values_; }

 private:
  const LatentShape shape_;
  std::vector<float> values_;
  int step_ = 0;
  std::mt19937 random_{2};
  std::normal_distribution<float> normal_;
};

// What can be seen of a frame: rows without what pads them.
std::vector<uint8_t> PixelsOf(GstBuffer* buffer, const GstCaps* caps) {
  GstVideoInfo info;
  GstVideoFrame frame;
  EXPECT_TRUE(gst_video_info_from_caps(&info, caps));
  EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  std::vector<uint8_t> pixels;
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); ++c) {
    const int bytes = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c);
    const int width = GST_VIDEO_FRAME_COMP_WIDTH(&frame, c);
    for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); ++y) {
      const auto* row =
          static_cast<uint8_t*>(GST_VIDEO_FRAME_COMP_DATA(&frame, c)) +
          y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c);
      for (int x = 0; x < width; ++x) pixels.push_back(row[x * bytes]);
    }
  }
  gst_video_frame_unmap(&frame);
  return pixels;
}

struct Pair {
  Pair(const std::string& more, const std::string& sink_caps,
       LatentShape shape = kShape, const std::string& caps = "variant=sd")
      : Pair(Element(true, more), Element(false, more), sink_caps, shape,
             caps) {}
  Pair(const std::string& keeping, const std::string& decoding,
       const std::string& sink_caps, LatentShape shape, const std::string& caps)
      : keeps(keeping, sink_caps), decodes(decoding, sink_caps) {
    keeps.SetCaps(LatentCaps(shape, caps));
    decodes.SetCaps(LatentCaps(shape, caps));
  }

  // The same latent through both: the same picture.
  void Push(const std::vector<float>& values, int index,
            const taegst::LatentStep& step = {}) {
    for (DecodeHarness* harness : {&keeps, &decodes}) {
      GstBuffer* buffer = BufferOf(values, index);
      taegst::SetLatentStep(buffer, step);
      ASSERT_EQ(harness->Push(buffer), GST_FLOW_OK);
    }
    const auto kept = keeps.TryPull(), decoded = decodes.TryPull();
    ASSERT_NE(kept, nullptr);
    ASSERT_NE(decoded, nullptr);
    const auto caps = keeps.OutputCaps();
    EXPECT_EQ(PixelsOf(kept.get(), caps.get()),
              PixelsOf(decoded.get(), caps.get()))
        << index;
    EXPECT_EQ(GST_BUFFER_FLAG_IS_SET(kept.get(), GST_BUFFER_FLAG_CORRUPTED),
              GST_BUFFER_FLAG_IS_SET(decoded.get(), GST_BUFFER_FLAG_CORRUPTED));
  }

  DecodeHarness keeps, decodes;
};

struct Output {
  const char* element;
  const char* caps;
};

class OutputTest : public ::testing::TestWithParam<Output> {};

// Written by the library or converted, in rows of odd number, shrunk; on one
// thread and on several.
TEST_P(OutputTest, PicturesAreThoseOfDecodingAll) {
  Pair pair(GetParam().element, GetParam().caps);
  Generation run;
  for (int i = 0; i < 13; ++i) pair.Push(run.Next(), i);
  EXPECT_GT(pair.keeps.Stat("rows-left-out"), 488u);  // of 8 x 61
  EXPECT_EQ(pair.decodes.Stat("rows-left-out"), 0u);
  EXPECT_EQ(pair.keeps.Stat("decoded"), 13u);
}

INSTANTIATE_TEST_SUITE_P(
    Outputs, OutputTest,
    ::testing::Values(
        Output{"n-threads=1", "video/x-raw,format=RGB"},
        Output{"n-threads=3", "video/x-raw,format=RGB"},
        Output{"n-threads=2", "video/x-raw,format=I420"},
        Output{"n-threads=2", "video/x-raw,format=NV12"},
        Output{"n-threads=2 precision=f32", "video/x-raw,format=BGRx"},
        Output{"n-threads=2", "video/x-raw,format=Y444"},
        Output{"n-threads=2 scale=1/8", "video/x-raw,format=RGB"},
        Output{"n-threads=2 scale=1/8", "video/x-raw,format=I420"}));

TEST(ChangeOnlyTest, ALatentThatComesAgainCostsACopy) {
  Pair pair("", "video/x-raw,format=RGB");
  const std::vector<float> values = Generation().values();
  pair.Push(values, 0);
  EXPECT_EQ(pair.keeps.Stat("rows-left-out"), 0u);
  pair.Push(values, 1);
  EXPECT_EQ(pair.keeps.Stat("rows-left-out"), 488u);
}

// A latent with NaN in a row that then stands still: each frame is corrupted.
TEST(ChangeOnlyTest, BrokenNumbersAreSeenInRowsThatStandStill) {
  Pair pair("", "video/x-raw,format=RGB");
  Generation run;
  run.At(0, 60, 0) = std::numeric_limits<float>::quiet_NaN();
  for (int i = 0; i < 4; ++i) {
    pair.Push(run.values(), i);
    run.Change(0, 1);
  }
  run.At(0, 60, 0) = 0;
  for (int i = 4; i < 7; ++i) {
    pair.Push(run.values(), i);
    run.Change(0, 1);
  }
  EXPECT_EQ(pair.keeps.Stat("corrupted"), 4u);
  EXPECT_GT(pair.keeps.Stat("rows-left-out"), 0u);
}

// What is compared is what is decoded: the clean estimates.
TEST(ChangeOnlyTest, GoesTogetherWithDenoise) {
  Pair pair("", "video/x-raw,format=RGB", kShape, "variant=sd,pred=x");
  Generation run;
  for (int i = 0; i < 8; ++i) {
    taegst::LatentStep step;
    step.step = guint(i + 1);
    step.sigma = 8.0 / (i + 1);
    pair.Push(run.Next(), i, step);
  }
}

TEST(ChangeOnlyTest, GoesTogetherWithRepeatedPictures) {
  Pair pair("change-threshold=0.001", "video/x-raw,format=RGB");
  Generation run;
  for (int i = 0; i < 12; ++i) {
    taegst::LatentStep step;
    step.step = guint(i + 1);
    pair.Push(run.Next(), i, step);
  }
  EXPECT_GT(pair.keeps.Stat("repeated"), 0u);
  EXPECT_EQ(pair.keeps.Stat("repeated"), pair.decodes.Stat("repeated"));
  EXPECT_GT(pair.keeps.Stat("rows-left-out"), 0u);
}

TEST(ChangeOnlyTest, ANewSizeBeginsAnew) {
  Pair pair("", "video/x-raw,format=RGB");
  for (int height : {61, 60, 61}) {
    const LatentShape shape{4, height, 2};
    pair.keeps.SetCaps(LatentCaps(shape, "variant=sd"));
    pair.decodes.SetCaps(LatentCaps(shape, "variant=sd"));
    Generation run(shape);
    for (int i = 0; i < 3; ++i) {
      pair.Push(run.values(), i);
      run.Change(0, 1);
    }
  }
}

// GroupNorm: each pixel depends on all latents.
TEST(ChangeOnlyTest, DecodersWithGroupNormDecodeAll) {
  const LatentShape shape{32, 61, 2};
  const std::string element = "taedecode variant=flux2 method=builtin";
  Pair pair(element + " change-only=true", element + " change-only=false",
            "video/x-raw,format=RGB", shape, "variant=flux2");
  Generation run(shape);
  for (int i = 0; i < 7; ++i) pair.Push(run.Next(), i);
  EXPECT_EQ(pair.keeps.Stat("rows-left-out"), 0u);
}

// But what comes again and again is kept after the first time.
TEST(ChangeOnlyTest, DecodersWithGroupNormDoNotDecodeAStandstill) {
  const LatentShape shape{32, 5, 4};
  const std::string element = "taedecode variant=flux2 method=builtin";
  Pair pair(element + " change-only=true", element + " change-only=false",
            "video/x-raw,format=RGB", shape, "variant=flux2");
  Generation run(shape);
  const guint64 expected[] = {0, 0, 40, 80, 80, 80, 120};
  for (int i = 0; i < 7; ++i) {
    if (i == 4) run.Change(2, 1);
    pair.Push(run.values(), i);
    EXPECT_EQ(pair.keeps.Stat("rows-left-out"), expected[i]) << i;
  }
}

// Each rung keeps a picture of its own.
TEST(ChangeOnlyTest, GoesTogetherWithRefinement) {
  std::map<GstClockTime, std::vector<uint8_t>> full[2];
  for (const bool change_only : {false, true}) {
    DecodeHarness harness(Element(change_only, "anytime=true"));
    harness.SetCaps(LatentCaps(kShape, "variant=sd"));
    Generation run;
    for (int i = 0; i < 8; ++i) {
      GstBuffer* buffer = BufferOf(run.Next(), i);
      taegst::LatentStep step;
      step.final = true;  // its refinement is waited for
      taegst::SetLatentStep(buffer, step);
      harness.Push(buffer);
    }
    gst_harness_push_event(harness.h, gst_event_new_eos());
    for (auto frame = harness.TryPull(); frame != nullptr;
         frame = harness.TryPull())
      if (taegst::GetLatentStep(frame.get())->rung == "full")
        full[change_only][GST_BUFFER_PTS(frame.get()) / (100 * GST_MSECOND)] =
            BytesOf(frame.get());
  }
  EXPECT_EQ(full[0].size(), 8u);
  EXPECT_EQ(full[0], full[1]);
}

}  // namespace
}  // namespace tae_test
