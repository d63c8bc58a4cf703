#include "common/latent_caps.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "common/guard.h"
#include "common/latent_meta.h"
#include "common/status_gst.h"
#include "tae/variant.h"

namespace taegst {
namespace {

GstPtr<GstCaps> Parse(const char* text) {
  return GstPtr<GstCaps>(gst_caps_from_string(text));
}

TEST(LatentCaps, GoThereAndBack) {
  for (const auto dtype :
       {tae::DType::kF16, tae::DType::kBF16, tae::DType::kF32})
    for (const auto layout :
         {tae::LatentLayout::kNchw, tae::LatentLayout::kNhwc,
          tae::LatentLayout::kPacked, tae::LatentLayout::kPackedNchw,
          tae::LatentLayout::kPackedIdeogram4})
      for (const auto domain :
           {tae::LatentDomain::kSampler, tae::LatentDomain::kVae})
        for (const bool noisy : {false, true}) {
          LatentInfo info;
          info.variant = "flux2";
          info.dtype = dtype;
          info.layout = layout;
          info.domain = domain;
          info.noisy = noisy;
          info.channels = 32;
          info.extent = {64, 128};
          info.fps_n = 10;
          info.width = 1024;
          info.height = 512;
          info.batch = noisy ? 5 : 1;
          const auto caps = LatentInfoToCaps(info);
          const auto back = LatentInfoFromCaps(caps.get());
          ASSERT_TRUE(back.ok()) << back.status().message();
          EXPECT_EQ(*back, info);
        }
}

TEST(LatentCaps, DefaultsAreNchwSamplerX0) {
  const auto caps = Parse(
      "video/x-latent,format=F16LE,channels=16,latent-width=8,"
      "latent-height=4");
  const auto info = LatentInfoFromCaps(caps.get());
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->layout, tae::LatentLayout::kNchw);
  EXPECT_EQ(info->domain, tae::LatentDomain::kSampler);
  EXPECT_FALSE(info->noisy);
  EXPECT_EQ(info->variant, "");
  EXPECT_EQ(info->size(), 16u * 8 * 4 * 2);
  EXPECT_EQ(info->extent, (tae::Extent{4, 8}));
}

TEST(LatentCaps, AliasesBecomeTheName) {
  const auto caps = Parse(
      "video/x-latent,format=F16LE,channels=32,latent-width=8,"
      "latent-height=4,variant=flux2-klein");
  const auto info = LatentInfoFromCaps(caps.get());
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->variant, "flux2");
}

TEST(LatentCaps, EachMissingFieldIsNamed) {
  for (const char* field :
       {"format", "channels", "latent-width", "latent-height"}) {
    const auto caps = Parse(
        "video/x-latent,format=F16LE,channels=32,latent-width=8,"
        "latent-height=4");
    gst_structure_remove_field(gst_caps_get_structure(caps.get(), 0), field);
    const auto info = LatentInfoFromCaps(caps.get());
    ASSERT_FALSE(info.ok()) << field;
    EXPECT_NE(info.status().message().find(field), std::string::npos);
  }
}

TEST(LatentCaps, BatchCountsLatentsOfABuffer) {
  const std::string one =
      "video/x-latent,format=F16LE,channels=16,latent-width=8,latent-height=4";
  const auto alone = LatentInfoFromCaps(Parse(one.c_str()).get());
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(alone->batch, 1);
  EXPECT_FALSE(gst_structure_has_field(
      gst_caps_get_structure(LatentInfoToCaps(*alone).get(), 0), "batch"));
  const auto four = LatentInfoFromCaps(Parse((one + ",batch=4").c_str()).get());
  ASSERT_TRUE(four.ok());
  EXPECT_EQ(four->batch, 4);
  EXPECT_EQ(four->latent_size(), alone->size());
  EXPECT_EQ(four->size(), 4 * alone->size());
  for (const char* wrong : {",batch=0", ",batch=65", ",batch=(string)4"}) {
    const auto bad = LatentInfoFromCaps(Parse((one + wrong).c_str()).get());
    ASSERT_FALSE(bad.ok()) << wrong;
    EXPECT_NE(bad.status().message().find("batch"), std::string::npos);
  }
}

LatentInfo Tensors(const char* dimensions, int expected) {
  const auto caps = Parse(
      ("other/tensors,format=static,num_tensors=1,types=float16,dimensions="
       "(string)" +
       std::string(dimensions))
          .c_str());
  const auto info = LatentInfoFromCaps(caps.get(), expected);
  EXPECT_TRUE(info.ok()) << info.status().message();
  return info.ok() ? *info : LatentInfo{};
}

TEST(TensorsCaps, ShapeTellsTheLayout) {
  LatentInfo info = Tensors("64:48:32:1", 32);
  EXPECT_EQ(info.layout, tae::LatentLayout::kNchw);
  EXPECT_EQ(info.extent, (tae::Extent{48, 64}));
  info = Tensors("32:64:48:1", 32);
  EXPECT_EQ(info.layout, tae::LatentLayout::kNhwc);
  EXPECT_EQ(info.extent, (tae::Extent{48, 64}));
  EXPECT_EQ(info.channels, 32);
  info = Tensors("32:24:128:1", 32);
  EXPECT_EQ(info.layout, tae::LatentLayout::kPackedNchw);
  EXPECT_EQ(info.extent, (tae::Extent{48, 64}));
  EXPECT_EQ(info.channels, 32);
  info = Tensors("16:100:99", 0);  // no space has 99 channels
  EXPECT_EQ(info.layout, tae::LatentLayout::kNhwc);
  EXPECT_EQ(info.channels, 16);
}

TEST(TensorsCaps, FourthDimensionIsTheBatch) {
  const LatentInfo info = Tensors("64:48:32:3", 32);
  EXPECT_EQ(info.batch, 3);
  EXPECT_EQ(info.extent, (tae::Extent{48, 64}));
  const auto caps = LatentInfoToTensorsCaps(info);
  ASSERT_TRUE(caps.ok());
  const auto back = LatentInfoFromCaps(caps->get(), 32);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, info);
  for (const char* wrong : {"64:48:32:65", "64:48:32:2:2"})
    EXPECT_FALSE(
        LatentInfoFromCaps(Parse((std::string("other/tensors,format=static,"
                                              "num_tensors=1,types=float16,"
                                              "dimensions=(string)") +
                                  wrong)
                                     .c_str())
                               .get(),
                           32)
            .ok())
        << wrong;
}

TEST(TensorsCaps, AreWrittenInnermostFirst) {
  LatentInfo info;
  info.channels = 32;
  info.extent = {48, 64};
  const auto caps = LatentInfoToTensorsCaps(info);
  ASSERT_TRUE(caps.ok());
  const GstStructure* s = gst_caps_get_structure(caps->get(), 0);
  EXPECT_STREQ(gst_structure_get_string(s, "dimensions"), "64:48:32:1");
  const auto back = LatentInfoFromCaps(caps->get(), 32);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, info);
  info.dtype = tae::DType::kBF16;
  EXPECT_FALSE(LatentInfoToTensorsCaps(info).ok());
}

TEST(Templates, TakeCapsThatLeaveOptionalFieldsOut) {
  const auto ours = LatentCapsOfVariant("");
  for (const char* text :
       {"video/x-latent,format=F16LE,channels=32,latent-width=64,"
        "latent-height=64",
        "video/x-latent,format=F32LE,channels=4,latent-width=1,"
        "latent-height=8192,layout=packed,variant=sd,framerate=0/1",
        "other/tensors,format=static,num_tensors=1,types=float16,"
        "dimensions=(string)64:64:32:1,framerate=0/1"})
    EXPECT_TRUE(gst_caps_is_subset(Parse(text).get(), ours.get())) << text;
}

TEST(LatentStepMeta, GoesThereAndBackAndReplaces) {
  const GstPtr<GstBuffer> buffer(gst_buffer_new());
  EXPECT_FALSE(GetLatentStep(buffer.get()));
  LatentStep step;
  step.step = 7;
  step.sigma = 0.5;
  SetLatentStep(buffer.get(), step);
  step.step = 8;
  step.sigma.reset();
  step.rung = "linear";
  SetLatentStep(buffer.get(), step);
  const auto seen = GetLatentStep(buffer.get());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->step, 8u);
  EXPECT_FALSE(seen->sigma);
  EXPECT_FALSE(seen->seed);
  EXPECT_EQ(seen->rung, "linear");
}

GstStructure* FieldsOf(GstBuffer* buffer) {
  RegisterLatentStepMeta();
  return gst_custom_meta_get_structure(
      gst_buffer_add_custom_meta(buffer, "latent-step"));
}

// As gst-python's integers and other programs' floats come.
TEST(LatentStepMeta, NumbersMayBeOfAnyType) {
  const GstPtr<GstBuffer> buffer(gst_buffer_new());
  gst_structure_set(FieldsOf(buffer.get()), "step", G_TYPE_INT, 3,
                    "total-steps", G_TYPE_INT64, gint64(20), "sigma",
                    G_TYPE_FLOAT, 0.5f, "sigma-next", G_TYPE_INT, 0, "timestep",
                    G_TYPE_UINT, 900u, "seed", G_TYPE_DOUBLE, 42.0, "final",
                    G_TYPE_INT, 1, nullptr);
  const auto step = GetLatentStep(buffer.get());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->step, 3u);
  EXPECT_EQ(step->total_steps, 20u);
  EXPECT_EQ(step->sigma, 0.5);
  EXPECT_EQ(step->sigma_next, 0);
  EXPECT_EQ(step->timestep, 900);
  EXPECT_EQ(step->seed, 42u);
  EXPECT_TRUE(step->final);
}

TEST(LatentStepMeta, SeedsKeepAllTheirBits) {
  for (const guint64 seed : {G_MAXUINT64, (guint64(1) << 53) + 1, guint64(0)}) {
    const GstPtr<GstBuffer> buffer(gst_buffer_new());
    gst_structure_set(FieldsOf(buffer.get()), "seed", G_TYPE_UINT64, seed,
                      nullptr);
    EXPECT_EQ(GetLatentStep(buffer.get())->seed, seed);
  }
  const GstPtr<GstBuffer> buffer(gst_buffer_new());
  gst_structure_set(FieldsOf(buffer.get()), "seed", G_TYPE_INT64, G_MAXINT64,
                    nullptr);
  EXPECT_EQ(GetLatentStep(buffer.get())->seed, guint64(G_MAXINT64));
}

TEST(LatentStepMeta, WhatIsNoSuchNumberIsAbsent) {
  const GstPtr<GstBuffer> buffer(gst_buffer_new());
  gst_structure_set(FieldsOf(buffer.get()), "step", G_TYPE_INT, -3,
                    "total-steps", G_TYPE_UINT64, guint64(1) << 33, "sigma",
                    G_TYPE_STRING, "0.5", "seed", G_TYPE_DOUBLE, 1.5,
                    "timestep", G_TYPE_BOOLEAN, TRUE, nullptr);
  EXPECT_EQ(GetLatentStep(buffer.get()), LatentStep{});
}

// What gst-python can write.
TEST(LatentStepMeta, MayBeAReferenceTimestamp) {
  const GstPtr<GstBuffer> buffer(gst_buffer_new());
  const auto other = Parse("timestamp/x-unix");
  gst_buffer_add_reference_timestamp_meta(buffer.get(), other.get(), 5,
                                          GST_CLOCK_TIME_NONE);
  EXPECT_FALSE(GetLatentStep(buffer.get()));
  const auto fields = Parse(
      "timestamp/x-latent-step,step=3,sigma=0.25,prompt-id=(string)a,"
      "final=true");
  gst_buffer_add_reference_timestamp_meta(buffer.get(), fields.get(), 0,
                                          GST_CLOCK_TIME_NONE);
  const auto step = GetLatentStep(buffer.get());
  ASSERT_TRUE(step);
  EXPECT_EQ(step->step, 3u);
  EXPECT_EQ(step->sigma, 0.25);
  EXPECT_EQ(step->prompt_id, "a");
  EXPECT_TRUE(step->final);
}

struct Posted {
  std::string text;
  std::string debug;
};

// What `post` puts on the bus of an element.
template <typename Parse>
Posted PostedBy(void (*post)(GstElement*), Parse parse) {
  const GstPtr<GstElement> bin(
      GST_ELEMENT(gst_object_ref_sink(gst_bin_new("b"))));
  const GstPtr<GstBus> bus(gst_bus_new());
  gst_element_set_bus(bin.get(), bus.get());
  post(bin.get());
  const GstPtr<GstMessage> message(gst_bus_pop(bus.get()));
  gst_element_set_bus(bin.get(), nullptr);
  if (message == nullptr) return {};
  GError* error = nullptr;
  gchar* debug = nullptr;
  parse(message.get(), &error, &debug);
  Posted posted{error->message, debug};
  g_error_free(error);
  g_free(debug);
  return posted;
}

void PostTheWarning(GstElement* element) {
  PostWarning(element, {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT}, "Odd.");
}

TEST(Messages, NameThePlaceThatPostsThem) {
  const Posted posted = PostedBy(PostTheWarning, gst_message_parse_warning);
  EXPECT_EQ(posted.text, "Odd.");
  EXPECT_NE(posted.debug.find("latent_caps_test.cc("), std::string::npos)
      << posted.debug;
  EXPECT_NE(posted.debug.find("PostTheWarning ()"), std::string::npos)
      << posted.debug;
}

TEST(Messages, OfAGuardNameItsCaller) {
  const auto post = [](GstElement* element) {
    Guard(element, 0, []() -> int { throw std::runtime_error("Oops."); });
  };
  const Posted posted = PostedBy(+post, gst_message_parse_error);
  EXPECT_NE(posted.debug.find("latent_caps_test.cc("), std::string::npos)
      << posted.debug;
  EXPECT_NE(posted.debug.find("Oops."), std::string::npos) << posted.debug;
}

// gst-launch-1.0 prints nothing else of an INFO.
TEST(Messages, AnInfosSentenceIsInItsDebugHalf) {
  const auto post = [](GstElement* element) {
    PostInfo(element, {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT}, "Look.");
  };
  const Posted posted = PostedBy(+post, gst_message_parse_info);
  EXPECT_EQ(posted.text, "Look.");
  EXPECT_NE(posted.debug.find("Look."), std::string::npos) << posted.debug;
}

TEST(Messages, FunctionNamesAreShort) {
  EXPECT_EQ(ShortFunctionName("int main()"), "main");
  EXPECT_EQ(ShortFunctionName("bool taegst::Stream::Use(const std::string&)"),
            "taegst::Stream::Use");
  EXPECT_EQ(ShortFunctionName("void taegst::{anonymous}::Post(int) [with T = "
                              "unsigned char]"),
            "taegst::{anonymous}::Post");
  EXPECT_EQ(ShortFunctionName("void taegst::(anonymous namespace)::Post(int)"),
            "Post");
  EXPECT_EQ(ShortFunctionName("taegst::Outer(int)::<lambda(GstElement*)>"),
            "taegst::Outer");
}

TEST(Errors, KeepTheirDomains) {
  using tae::StatusCode;
  const auto is = [](StatusCode code, Subject subject, GQuark domain,
                     int value) {
    const GstErrorCode got = GstErrorCodeOf(code, subject);
    return got.domain == domain && got.code == value;
  };
  EXPECT_TRUE(is(StatusCode::kNotFound, Subject::kWeights, GST_RESOURCE_ERROR,
                 GST_RESOURCE_ERROR_NOT_FOUND));
  EXPECT_TRUE(is(StatusCode::kDataLoss, Subject::kWeights, GST_RESOURCE_ERROR,
                 GST_RESOURCE_ERROR_FAILED));
  EXPECT_TRUE(is(StatusCode::kUnsupported, Subject::kWeights, GST_LIBRARY_ERROR,
                 GST_LIBRARY_ERROR_INIT));
  EXPECT_TRUE(is(StatusCode::kUnsupported, Subject::kLatent, GST_STREAM_ERROR,
                 GST_STREAM_ERROR_WRONG_TYPE));
  EXPECT_TRUE(is(StatusCode::kInvalidArgument, Subject::kLatent,
                 GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT));
  EXPECT_TRUE(is(StatusCode::kOutOfMemory, Subject::kInput, GST_RESOURCE_ERROR,
                 GST_RESOURCE_ERROR_NO_SPACE_LEFT));
}

}  // namespace
}  // namespace taegst
