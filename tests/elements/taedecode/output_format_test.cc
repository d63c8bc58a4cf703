// Each output format against the RGB picture, by formulas of this file.
#include "taedecode/output_format.h"

#include <algorithm>
#include <cstdlib>

#include "support/decode_harness.h"

namespace tae_test {
namespace {

constexpr int kWidth = 32;
constexpr int kHeight = 24;
constexpr const char* kLinear = "taedecode variant=flux2 method=linear";

struct Picture {
  GstVideoInfo info;
  GstPtr<GstBuffer> buffer;

  // The sample of a component that covers pixel (x, y).
  int At(int component, int x, int y) const {
    GstVideoFrame frame;
    EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer.get(), GST_MAP_READ));
    const GstVideoFormatInfo* f = info.finfo;
    const int px = x >> GST_VIDEO_FORMAT_INFO_W_SUB(f, component);
    const int py = y >> GST_VIDEO_FORMAT_INFO_H_SUB(f, component);
    const auto* data = static_cast<const uint8_t*>(
                           GST_VIDEO_FRAME_COMP_DATA(&frame, component)) +
                       py * GST_VIDEO_FRAME_COMP_STRIDE(&frame, component) +
                       px * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component);
    const int value = GST_VIDEO_FRAME_COMP_DEPTH(&frame, component) > 8
                          ? data[0] + 256 * data[1]
                          : data[0];
    gst_video_frame_unmap(&frame);
    return value;
  }
};

Picture DecodeAs(const std::string& format,
                 const std::string& element = kLinear) {
  DecodeHarness harness(element, "video/x-raw,format=" + format);
  harness.SetCaps(LatentCaps({}));
  EXPECT_EQ(harness.Push(LatentBuffer({}, 0)), GST_FLOW_OK) << format;
  Picture picture;
  picture.buffer = harness.TryPull();
  EXPECT_NE(picture.buffer, nullptr) << format;
  const auto caps = harness.OutputCaps();
  EXPECT_TRUE(gst_video_info_from_caps(&picture.info, caps.get()));
  return picture;
}

TEST(Formats, RgbFamilyHoldsTheSameNumbers) {
  const Picture rgb = DecodeAs("RGB");
  for (const char* format : {"RGBx", "BGRx", "xRGB", "xBGR", "BGR", "RGBA",
                             "BGRA", "ARGB", "ABGR", "GBR", "RGBP"}) {
    const Picture other = DecodeAs(format);
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x)
        for (int c = 0; c < 3; ++c)
          ASSERT_EQ(other.At(c, x, y), rgb.At(c, x, y)) << format;
    if (GST_VIDEO_INFO_HAS_ALPHA(&other.info)) {
      EXPECT_EQ(other.At(3, 5, 5), 255) << format;
    }
    EXPECT_TRUE(gst_video_colorimetry_matches(&other.info.colorimetry, "sRGB"))
        << format;
  }
}

TEST(Formats, SixteenBitsRoundToTheEight) {
  const Picture rgb = DecodeAs("RGB");
  const Picture deep = DecodeAs("RGBA64_LE");
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x)
      for (int c = 0; c < 3; ++c)
        ASSERT_NEAR(deep.At(c, x, y) / 257.0, rgb.At(c, x, y), 0.51);
  EXPECT_EQ(deep.At(3, 0, 0), 65535);
}

struct Yuv {
  double y, u, v;
};

// BT.709, limited range.
Yuv YuvAt(const Picture& rgb, int x, int y) {
  x = std::clamp(x, 0, kWidth - 1);
  const double r = rgb.At(0, x, y), g = rgb.At(1, x, y), b = rgb.At(2, x, y);
  const double luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return {16 + luma * 219 / 255, 128 + (b - luma) / 1.8556 * 224 / 255,
          128 + (r - luma) / 1.5748 * 224 / 255};
}

// Chroma of the even column x: 1-2-1 along `rows` rows from y.
Yuv ChromaAt(const Picture& rgb, int x, int y, int rows) {
  Yuv sum{0, 0, 0};
  for (int row = 0; row < rows; ++row)
    for (int dx = -1; dx <= 1; ++dx) {
      const Yuv p = YuvAt(rgb, x + dx, y + row);
      const double weight = (dx == 0 ? 0.5 : 0.25) / rows;
      sum.u += weight * p.u;
      sum.v += weight * p.v;
    }
  return sum;
}

TEST(Formats, YuvIsBt709OfTheRgbPicture) {
  const Picture rgb = DecodeAs("RGB");
  for (const char* format : {"I420", "YV12", "NV12", "YUY2", "UYVY"}) {
    const Picture yuv = DecodeAs(format);
    EXPECT_TRUE(gst_video_colorimetry_matches(&yuv.info.colorimetry, "bt709"))
        << format;
    const int rows = GST_VIDEO_FORMAT_INFO_H_SUB(yuv.info.finfo, 1) ? 2 : 1;
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x)
        ASSERT_NEAR(yuv.At(0, x, y), YuvAt(rgb, x, y).y, 1.01) << format;
    for (int y = 0; y < kHeight; y += rows)
      for (int x = 0; x < kWidth; x += 2) {
        const Yuv expected = ChromaAt(rgb, x, y, rows);
        ASSERT_NEAR(yuv.At(1, x, y), expected.u, 1.51) << format;
        ASSERT_NEAR(yuv.At(2, x, y), expected.v, 1.51) << format;
      }
  }
}

TEST(Formats, GrayIsLuma) {
  const Picture rgb = DecodeAs("RGB");
  const Picture gray = DecodeAs("GRAY8");
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x)
      ASSERT_NEAR(gray.At(0, x, y),
                  0.2126 * rgb.At(0, x, y) + 0.7152 * rgb.At(1, x, y) +
                      0.0722 * rgb.At(2, x, y),
                  1.01);
}

TEST(Formats, OthersAreConverted) {
  const Picture rgb = DecodeAs("RGB");
  const Picture yuv = DecodeAs("Y444");
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      const Yuv expected = YuvAt(rgb, x, y);
      ASSERT_NEAR(yuv.At(0, x, y), expected.y, 2);
      ASSERT_NEAR(yuv.At(1, x, y), expected.u, 2);
      ASSERT_NEAR(yuv.At(2, x, y), expected.v, 2);
    }
  const Picture deep = DecodeAs("Y444_16LE");
  for (int x = 0; x < kWidth; ++x)
    ASSERT_NEAR(deep.At(0, x, 3) / 256.0, YuvAt(rgb, x, 3).y, 2);
}

taegst::OutputFormat Pick(const char* caps, int width = 32, int height = 24) {
  const GstPtr<GstCaps> allowed(gst_caps_from_string(caps));
  GstVideoInfo input;
  gst_video_info_init(&input);
  input.fps_n = 10;
  return taegst::PickOutput(allowed.get(), {.width = width, .height = height},
                            input)
      .value_or(taegst::OutputFormat{});
}

TEST(PickOutput, TakesDownstreamsFirstChoiceWhereItIsPlainColour) {
  EXPECT_EQ(Pick("video/x-raw,format={I420,RGB}").shown, GST_VIDEO_FORMAT_I420);
  EXPECT_EQ(Pick("video/x-raw,format={BGRx,I420}").shown,
            GST_VIDEO_FORMAT_BGRx);
  EXPECT_EQ(Pick("ANY").shown, GST_VIDEO_FORMAT_RGBx);
}

TEST(PickOutput, PrefersOwnOrderToAlphaGrayAndConversion) {
  EXPECT_EQ(Pick("video/x-raw,format={RGBA,RGB,GRAY8}").shown,
            GST_VIDEO_FORMAT_RGB);
  EXPECT_EQ(Pick("video/x-raw,format={Y444,AYUV,GRAY8,I420}").shown,
            GST_VIDEO_FORMAT_I420);
  const auto converted = Pick("video/x-raw,format={Y444_10LE,Y444}");
  EXPECT_EQ(converted.shown, GST_VIDEO_FORMAT_Y444_10LE);
  EXPECT_EQ(converted.written, GST_VIDEO_FORMAT_RGBA64_LE);
}

TEST(PickOutput, RefusesOtherSizesAndOtherMemory) {
  EXPECT_EQ(Pick("video/x-raw,format=RGB,width=33").shown,
            GST_VIDEO_FORMAT_UNKNOWN);
  EXPECT_EQ(Pick("video/x-raw(memory:GLMemory),format=RGBA").shown,
            GST_VIDEO_FORMAT_UNKNOWN);
  EXPECT_EQ(Pick("EMPTY").shown, GST_VIDEO_FORMAT_UNKNOWN);
}

TEST(PickOutput, OddSizesAreSubsampledByTheConverter) {
  EXPECT_TRUE(Pick("video/x-raw,format=I420", 33, 24).converted());
  EXPECT_FALSE(Pick("video/x-raw,format=RGB", 33, 25).converted());
}

// Downstream offers a pool whose rows are longer than the picture's.
GstPadProbeReturn OfferPaddedPool(GstPad*, GstPadProbeInfo* info, gpointer) {
  GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) return GST_PAD_PROBE_OK;
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstVideoInfo video;
  gst_video_info_from_caps(&video, caps);
  GstVideoAlignment padding;
  gst_video_alignment_reset(&padding);
  padding.padding_right = 36;
  padding.padding_left = 20;
  padding.padding_top = 6;
  gst_video_info_align(&video, &padding);
  const GstPtr<GstBufferPool> pool(gst_video_buffer_pool_new());
  GstStructure* config = gst_buffer_pool_get_config(pool.get());
  gst_buffer_pool_config_set_params(config, caps, video.size, 2, 0);
  gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_config_add_option(config,
                                    GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
  gst_buffer_pool_config_set_video_alignment(config, &padding);
  gst_buffer_pool_set_config(pool.get(), config);
  gst_query_add_allocation_pool(query, pool.get(), video.size, 2, 0);
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  return GST_PAD_PROBE_HANDLED;
}

TEST(Allocation, RowsLongerThanThePictureAreRespected) {
  for (const char* format : {"RGB", "I420", "NV12", "YUY2", "GBR", "Y444"}) {
    const Picture plain = DecodeAs(format);
    DecodeHarness harness(kLinear, "video/x-raw,format=" + std::string(format));
    gst_pad_add_probe(harness.h->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM,
                      OfferPaddedPool, nullptr, nullptr);
    harness.SetCaps(LatentCaps({}));
    ASSERT_EQ(harness.Push(LatentBuffer({}, 0)), GST_FLOW_OK) << format;
    Picture padded{plain.info, harness.TryPull()};
    ASSERT_NE(padded.buffer, nullptr);
    const GstVideoMeta* meta = gst_buffer_get_video_meta(padded.buffer.get());
    ASSERT_NE(meta, nullptr) << format;
    EXPECT_GT(meta->stride[0], GST_VIDEO_INFO_PLANE_STRIDE(&plain.info, 0));
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x)
        for (int c = 0; c < 3; ++c)
          ASSERT_EQ(padded.At(c, x, y), plain.At(c, x, y))
              << format << " component " << c << " at " << x << "," << y;
  }
}

}  // namespace
}  // namespace tae_test
