// Batches: every cell of the grid is, bit for bit, the picture of its latent
// decoded alone.
#include <algorithm>
#include <string>
#include <vector>

#include "support/decode_harness.h"
#include "support/seeded_weights.h"
#include "support/temp_folder.h"
#include "taedecode/batch_grid.h"

namespace tae_test {
namespace {

using Floats = std::vector<float>;

const std::string& Weights() {
  static const tae::TempFolder folder;
  static const std::string path =
      folder.Write("sd.safetensors", tae::testing::SeededWeights(4).bytes());
  return path;
}

std::string Seeded(const std::string& more) {
  return "taedecode variant=sd method=tae model-file=" + Weights() + " " + more;
}

Floats Joined(const std::vector<Floats>& latents) {
  Floats all;
  for (const Floats& latent : latents)
    all.insert(all.end(), latent.begin(), latent.end());
  return all;
}

// All samples of one cell of a frame, component by component.
std::vector<int> Cell(GstBuffer* buffer, const GstCaps* caps, int columns,
                      int rows, int cell) {
  GstVideoInfo info;
  GstVideoFrame frame;
  EXPECT_TRUE(gst_video_info_from_caps(&info, caps));
  EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  std::vector<int> samples;
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); ++c) {
    const int width = GST_VIDEO_FRAME_COMP_WIDTH(&frame, c) / columns;
    const int height = GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c) / rows;
    const int pixel = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c);
    const int bytes = (GST_VIDEO_FRAME_COMP_DEPTH(&frame, c) + 7) / 8;
    const int left = cell % columns * width;
    const int top = cell / columns * height;
    for (int y = top; y < top + height; ++y)
      for (int x = left; x < left + width; ++x)
        for (int b = 0; b < bytes; ++b)
          samples.push_back(static_cast<uint8_t*>(GST_VIDEO_FRAME_COMP_DATA(
              &frame,
              c))[y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) + x * pixel + b]);
  }
  gst_video_frame_unmap(&frame);
  return samples;
}

GstBuffer* WithStep(const Floats& values, int index, std::optional<double> s) {
  GstBuffer* buffer = BufferOf(values, index);
  taegst::LatentStep step;
  step.step = guint(index);
  step.sigma = s;
  taegst::SetLatentStep(buffer, step);
  return buffer;
}

// The pictures of a run of buffers, those of the last one counted.
struct Shown {
  GstPtr<GstBuffer> frame;
  GstPtr<GstCaps> caps;
  std::vector<int> cell(int columns, int rows, int cell) const {
    if (frame == nullptr) return {};
    return Cell(frame.get(), caps.get(), columns, rows, cell);
  }
};

Shown Show(const std::string& element, const std::string& format,
           const std::string& caps, const std::vector<Floats>& buffers,
           bool noisy = false) {
  DecodeHarness harness(element, "video/x-raw,format=" + format);
  harness.SetCaps(caps);
  Shown shown;
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(harness.Push(WithStep(
                  buffers[i], int(i),
                  noisy ? std::optional(1 - 0.2 * double(i)) : std::nullopt)),
              GST_FLOW_OK);
    while (auto frame = harness.TryPull()) shown.frame = std::move(frame);
  }
  gst_harness_push_event(harness.h, gst_event_new_eos());
  while (auto frame = harness.TryPull()) shown.frame = std::move(frame);
  EXPECT_NE(shown.frame, nullptr) << element << " " << format;
  shown.caps = harness.OutputCaps();
  return shown;
}

struct Case {
  std::string element;
  LatentShape shape;
  std::string space;
  std::string format;
};

void ExpectCellsAreSinglePictures(const Case& c, int batch, bool noisy = false,
                                  int steps = 1) {
  SCOPED_TRACE(c.element + " " + c.format + " of " + std::to_string(batch));
  std::vector<std::vector<Floats>> latents(batch);  // [item][step]
  std::vector<Floats> batches;
  for (int s = 0; s < steps; ++s) {
    std::vector<Floats> items;
    for (int i = 0; i < batch; ++i) {
      // Of later steps only some items change, and those in part.
      Floats values = LatentValues(c.shape, i);
      if (s > 0 && i % 2 == 0)
        std::fill_n(values.begin(), c.shape.width, 0.1f * float(s));
      latents[size_t(i)].push_back(values);
      items.push_back(values);
    }
    batches.push_back(Joined(items));
  }
  const std::string caps =
      LatentCaps(c.shape, "variant=" + c.space + (noisy ? ",pred=x" : ""));
  const taegst::GridShape grid = taegst::GridOf(taegst::kBatchGrid, batch);
  const Shown together =
      Show(c.element, c.format, caps + ",batch=" + std::to_string(batch),
           batches, noisy);
  for (int i = 0; i < batch; ++i)
    EXPECT_EQ(together.cell(grid.columns, grid.rows, i),
              Show(c.element, c.format, caps, latents[size_t(i)], noisy)
                  .cell(1, 1, 0))
        << "item " << i;
}

TEST(Grid, HasAsManyColumnsAsTheRootOfItsCells) {
  const int columns[] = {1, 2, 2, 2, 3, 3, 3, 3, 3, 4};
  const int rows[] = {1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  for (int n = 1; n <= 10; ++n) {
    const taegst::GridShape grid = taegst::GridOf(taegst::kBatchGrid, n);
    EXPECT_EQ(grid.columns, columns[n - 1]) << n;
    EXPECT_EQ(grid.rows, rows[n - 1]) << n;
    EXPECT_EQ(grid.count, n);
  }
  EXPECT_EQ(taegst::GridOf(64, 64).first, 63);
  EXPECT_EQ(taegst::GridOf(2, 5), (taegst::GridShape{.first = 2}));
}

TEST(Grid, PropertyIsGridFirstOrANumber) {
  EXPECT_EQ(*taegst::ParseBatch("grid"), taegst::kBatchGrid);
  EXPECT_EQ(*taegst::ParseBatch("first"), 0);
  EXPECT_EQ(*taegst::ParseBatch("63"), 63);
  for (const char* wrong : {"", "64", "-1", "1x", "all", "99999999999"})
    EXPECT_FALSE(taegst::ParseBatch(wrong).ok()) << wrong;
}

TEST(Batch, CellsAreSinglePicturesInEveryFormat) {
  for (const char* format :
       {"RGB",  "BGR",  "RGBx", "BGRx",      "xRGB",  "xBGR", "RGBA",
        "BGRA", "ARGB", "ABGR", "GBR",       "RGBP",  "I420", "YV12",
        "NV12", "YUY2", "UYVY", "RGBA64_LE", "GRAY8", "Y444", "Y444_16LE"})
    for (const int batch : {1, 2, 3, 5})
      ExpectCellsAreSinglePictures(
          {"taedecode method=linear", {32, 3, 5}, "flux2", format}, batch);
}

TEST(Batch, CellsAreSinglePicturesOnEveryRungAndScale) {
  for (const char* more :
       {"method=builtin", "method=linear scale=1/8", "method=builtin scale=1/4",
        "method=builtin scale=1/8", "method=builtin scale=1/2 anytime=true",
        "anytime=true", "method=builtin n-threads=3"})
    for (const char* format : {"RGB", "I420"})
      ExpectCellsAreSinglePictures(
          {std::string("taedecode ") + more, {32, 4, 6}, "flux2", format}, 3);
}

// An eighth of three latent pixels is an odd number: chroma is not cut there.
TEST(Batch, CellsOfOddSidesAreJoinedBeforeChromaIsShared) {
  const LatentShape shape{32, 3, 5};
  const std::string caps = LatentCaps(shape, "variant=flux2");
  std::vector<Floats> items;
  for (int i = 0; i < 4; ++i) items.push_back(LatentValues(shape, i));
  const std::string element = "taedecode method=linear scale=1/8";
  const Shown yuv = Show(element, "I420", caps + ",batch=4", {Joined(items)});
  const Shown rgb = Show(element, "RGB", caps + ",batch=4", {Joined(items)});
  ASSERT_NE(yuv.frame, nullptr);
  const auto luma = yuv.cell(1, 1, 0);
  const auto red = rgb.cell(1, 1, 0);
  ASSERT_EQ(red.size(), 3u * 60);
  for (size_t i = 0; i < 60; ++i) {
    const double expected =
        16 + (0.2126 * red[i] + 0.7152 * red[60 + i] + 0.0722 * red[120 + i]) *
                 219 / 255;
    ASSERT_NEAR(luma[i], expected, 2) << i;
  }
}

TEST(Batch, EachLatentsRowsThatStandStillAreLeftOut) {
  for (const char* format : {"RGB", "NV12"}) {
    ExpectCellsAreSinglePictures(
        {Seeded("change-only=true"), {4, 20, 2}, "sd", format}, 3, false, 4);
    ExpectCellsAreSinglePictures(
        {Seeded("change-only=true scale=1/2"), {4, 20, 2}, "sd", format}, 3,
        false, 4);
  }
  DecodeHarness harness(Seeded("change-only=true"));
  const LatentShape shape{4, 61, 2};
  harness.SetCaps(LatentCaps(shape, "variant=sd,batch=2"));
  const Floats batch = Joined({LatentValues(shape, 0), LatentValues(shape, 1)});
  harness.Push(BufferOf(batch, 0));
  harness.Push(BufferOf(batch, 1));
  EXPECT_EQ(harness.Stat("rows-left-out"), 2u * 488);
}

TEST(Batch, NoiseIsTakenOutOfEachLatent) {
  ExpectCellsAreSinglePictures(
      {"taedecode method=linear", {32, 3, 5}, "flux2", "RGB"}, 3, true, 4);
}

TEST(Batch, PicturesRepeatOnlyWhereNoLatentOfTheBatchChanges) {
  DecodeHarness harness(
      "taedecode variant=flux2 method=linear change-threshold=0.01");
  const LatentShape shape{32, 3, 5};
  harness.SetCaps(LatentCaps(shape, "variant=flux2,batch=2"));
  const Floats first = LatentValues(shape, 0), second = LatentValues(shape, 1);
  harness.Push(BufferOf(Joined({first, first}), 0));
  harness.Push(BufferOf(Joined({first, first}), 1));
  EXPECT_EQ(harness.Stat("repeated"), 1u);
  harness.Push(BufferOf(Joined({first, second}), 2));
  EXPECT_EQ(harness.Stat("repeated"), 1u);
  EXPECT_EQ(harness.Stat("decoded"), 2u);
}

TEST(Batch, OneLatentIsShownByItsNumber) {
  const LatentShape shape{32, 3, 5};
  std::vector<Floats> items;
  for (int i = 0; i < 3; ++i) items.push_back(LatentValues(shape, i));
  const std::string caps = LatentCaps(shape, "variant=flux2");
  const std::pair<const char*, size_t> shows[] = {
      {"first", 0}, {"0", 0}, {"1", 1}, {"2", 2}, {"7", 2}};
  for (const auto& [batch, item] : shows)
    EXPECT_EQ(Show("taedecode method=linear batch=" + std::string(batch), "RGB",
                   caps + ",batch=3", {Joined(items)})
                  .cell(1, 1, 0),
              Show("taedecode method=linear", "RGB", caps, {items[item]})
                  .cell(1, 1, 0))
        << batch;
}

TEST(Batch, CellsWithoutALatentAreBlack) {
  const LatentShape shape{32, 2, 2};
  const std::string caps = LatentCaps(shape, "variant=flux2,batch=3");
  const Floats items = Joined(std::vector(3, LatentValues(shape, 1)));
  for (const char* format : {"RGB", "xRGB", "GBR", "RGBA64_LE"}) {
    const Shown shown = Show("taedecode method=linear", format, caps, {items});
    const auto cell = shown.cell(2, 2, 3);
    EXPECT_TRUE(std::all_of(cell.begin(), cell.begin() + 3 * 256,
                            [](int sample) { return sample == 0; }))
        << format;
  }
  for (const char* format : {"I420", "YUY2", "NV12", "GRAY8"}) {
    const Shown shown = Show("taedecode method=linear", format, caps, {items});
    const auto cell = shown.cell(2, 2, 3);
    const int black = std::string(format) == "GRAY8" ? 0 : 16;
    EXPECT_TRUE(std::all_of(cell.begin(), cell.begin() + 256, [&](int sample) {
      return sample == black;
    })) << format;
    EXPECT_TRUE(std::all_of(cell.begin() + 256, cell.end(), [](int sample) {
      return sample == 128;
    })) << format;
  }
}

TEST(Batch, LimitsHoldForTheGrid) {
  const LatentShape shape{32, 4, 4};
  DecodeHarness harness(
      "taedecode variant=flux2 method=linear max-pixels=4095");
  harness.SetCaps(LatentCaps(shape, "batch=4"));
  const Floats items = Joined(std::vector(4, LatentValues(shape, 1)));
  EXPECT_EQ(harness.Push(BufferOf(items, 0)), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_NE(
      ErrorOf(harness.Message(GST_MESSAGE_ERROR).get()).text.find("64x64"),
      std::string::npos);
  const Shown small = Show("taedecode method=linear max-size=32", "RGB",
                           LatentCaps(shape, "variant=flux2,batch=4"), {items});
  GstVideoInfo info;
  EXPECT_TRUE(gst_video_info_from_caps(&info, small.caps.get()));
  EXPECT_EQ(info.width, 32);
}

TEST(Batch, AWrongPropertyFailsTheStart) {
  const GstPtr<GstElement> element(GST_ELEMENT(
      gst_object_ref_sink(gst_parse_launch("taedecode batch=all", nullptr))));
  const GstPtr<GstBus> bus(gst_bus_new());
  gst_element_set_bus(element.get(), bus.get());
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_PAUSED),
            GST_STATE_CHANGE_FAILURE);
  const GstPtr<GstMessage> message(
      gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  EXPECT_NE(ErrorOf(message.get()).text.find("batch=all"), std::string::npos);
  gst_element_set_state(element.get(), GST_STATE_NULL);
  gst_element_set_bus(element.get(), nullptr);
}

}  // namespace
}  // namespace tae_test
