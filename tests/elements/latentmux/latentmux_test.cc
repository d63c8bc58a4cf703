// What latentmux writes: latentparse gives it back equal, and so does the
// library's own reader.
#include <algorithm>

#include "common/latent_caps.h"
#include "support/latent_run.h"
#include "tae/latent_stream.h"

namespace tae_test {
namespace {

taegst::LatentInfo InfoOf(tae::LatentLayout layout, tae::DType dtype) {
  taegst::LatentInfo info;
  info.variant = "flux2";
  info.dtype = dtype;
  info.layout = layout;
  info.domain = tae::LatentDomain::kVae;
  info.noisy = true;
  info.channels = 32;
  info.extent = {4, 6};
  info.fps_n = 30000;
  info.fps_d = 1001;
  info.width = 48;
  info.height = 32;
  return info;
}

// Latents with every field set, of two generations.
std::vector<Latent> FullLatents(const taegst::LatentInfo& info, int count) {
  std::vector<Latent> latents;
  for (int i = 0; i < count; ++i) {
    Latent latent;
    latent.bytes.resize(info.size());
    for (size_t k = 0; k < latent.bytes.size(); ++k)
      latent.bytes[k] = uint8_t(k * 7 + i);
    latent.caps = CapsText(taegst::LatentInfoToCaps(info).get());
    const guint64 unit = GST_SECOND * info.fps_d;
    latent.duration =
        gst_util_uint64_scale(1, unit, guint64(std::max(1, info.fps_n)));
    latent.pts = latent.duration * guint64(i);
    latent.step = {.step = guint(i),
                   .total_steps = 28,
                   .sigma = 0.1 + i,
                   .sigma_next = 1e-9,
                   .timestep = 999.25,
                   .final = i == count - 1,
                   .prompt_id = "run 7",
                   .seed = G_MAXUINT64,
                   .rung = {},
                   .extra = {"cfg=7.5", "note=a \"b\"=c\n"}};
    latents.push_back(std::move(latent));
  }
  return latents;
}

TEST(LatentMux, EverythingComesBackEqual) {
  for (const auto layout :
       {tae::LatentLayout::kNchw, tae::LatentLayout::kNhwc,
        tae::LatentLayout::kPacked, tae::LatentLayout::kPackedNchw,
        tae::LatentLayout::kPackedIdeogram4})
    for (const auto dtype :
         {tae::DType::kF16, tae::DType::kBF16, tae::DType::kF32}) {
      const auto sent = FullLatents(InfoOf(layout, dtype), 3);
      const auto came = Through(
          sent, "appsrc name=in ! latentmux ! latentparse ! appsink name=out");
      ASSERT_EQ(came.size(), sent.size());
      for (size_t i = 0; i < sent.size(); ++i) {
        EXPECT_EQ(came[i].caps, sent[i].caps);
        EXPECT_EQ(came[i], sent[i]) << sent[i].caps;
      }
    }
}

TEST(LatentMux, BatchesComeBackWhole) {
  for (const auto layout :
       {tae::LatentLayout::kNchw, tae::LatentLayout::kNhwc,
        tae::LatentLayout::kPacked, tae::LatentLayout::kPackedNchw}) {
    taegst::LatentInfo info = InfoOf(layout, tae::DType::kF16);
    info.batch = 3;
    const auto sent = FullLatents(info, 2);
    const auto came = Through(
        sent, "appsrc name=in ! latentmux ! latentparse ! appsink name=out");
    ASSERT_EQ(came.size(), sent.size());
    EXPECT_NE(came[0].caps.find("batch=(int)3"), std::string::npos);
    for (size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ(came[i].caps, sent[i].caps);
      EXPECT_EQ(came[i], sent[i]) << sent[i].caps;
    }
    const auto small =
        Through(sent,
                "appsrc name=in ! latentmux quantize=int8 ! latentparse ! "
                "appsink name=out");
    ASSERT_EQ(small.size(), sent.size());
    EXPECT_EQ(small[0].bytes.size(), sent[0].bytes.size());
  }
}

TEST(LatentMux, LittleSaidIsLittleWritten) {
  taegst::LatentInfo info = InfoOf(tae::LatentLayout::kNchw, tae::DType::kF16);
  info.variant = "";
  info.width = info.height = info.fps_n = 0;
  info.fps_d = 1;
  info.noisy = false;
  info.domain = tae::LatentDomain::kSampler;
  Latent latent = FullLatents(info, 1)[0];
  latent.step = {};
  latent.pts = latent.duration = GST_CLOCK_TIME_NONE;
  const auto messages =
      Through({latent}, "appsrc name=in ! latentmux ! appsink name=out");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].caps, "application/x-safetensors");
  uint64_t needed = 0;
  const auto header = tae::ReadLatentHeader(
      messages[0].bytes.data(), messages[0].bytes.size(), {}, &needed);
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ((*header)->metadata,
            (tae::LatentMetadata{
                {"domain", "sampler"}, {"layout", "nchw"}, {"pred", "x0"}}));
  EXPECT_EQ((*header)->message_size, messages[0].bytes.size());
}

TEST(LatentMux, ThePromptTravelsAsATag) {
  GstHarness* h = gst_harness_new_parse("latentmux ! latentparse");
  const auto info = InfoOf(tae::LatentLayout::kNchw, tae::DType::kF16);
  gst_harness_set_src_caps(h, taegst::LatentInfoToCaps(info).release());
  for (const char* prompt : {"a cat", "a dog"}) {
    gst_harness_push_event(
        h, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, prompt, nullptr)));
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info.size(), nullptr);
    gst_buffer_memset(buffer, 0, 0, info.size());
    taegst::SetLatentStep(buffer, {.prompt_id = prompt});
    ASSERT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
    const auto titles = TakeTextTags(h)[GST_TAG_TITLE];
    EXPECT_EQ(titles.empty() ? "" : titles.back(), prompt);
  }
  gst_harness_teardown(h);
}

TEST(LatentMux, APromptIsThatOfItsGenerationAlone) {
  GstHarness* h = gst_harness_new_parse("latentmux");
  const auto info = InfoOf(tae::LatentLayout::kNchw, tae::DType::kF16);
  gst_harness_set_src_caps(h, taegst::LatentInfoToCaps(info).release());
  gst_harness_push_event(
      h, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "a cat", nullptr)));
  for (const char* generation : {"one", "one", "two"}) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info.size(), nullptr);
    gst_buffer_memset(buffer, 0, 0, info.size());
    taegst::SetLatentStep(buffer, {.prompt_id = generation});
    ASSERT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
    const GstPtr<GstBuffer> message(gst_harness_pull(h));
    const taegst::ReadMap map(message.get());
    uint64_t needed = 0;
    const auto header =
        tae::ReadLatentHeader(map.data(), map.size(), {}, &needed);
    ASSERT_TRUE(header.ok() && *header);
    EXPECT_EQ((*header)->description.prompt,
              generation == std::string("one") ? "a cat" : "");
  }
  gst_harness_teardown(h);
}

TEST(LatentMux, EightBitsHalveTheSizeAndKeepThePicture) {
  const auto demo = DemoLatents(4, 128);
  const std::string whole = Record(demo);
  const std::string small = Record(demo, "latentmux quantize=int8");
  EXPECT_LT(small.size(), whole.size() * 0.6);
  const auto back = Through(demo,
                            "appsrc name=in ! latentmux quantize=int8 ! "
                            "latentparse ! appsink name=out");
  ASSERT_EQ(back.size(), demo.size());
  EXPECT_EQ(back[1].caps, demo[1].caps);
  EXPECT_EQ(back[1].step, demo[1].step);
  const std::string decode = " ! taedecode ! video/x-raw,format=RGB ! ";
  const auto direct =
      Through(demo, "appsrc name=in" + decode + "appsink name=out");
  const auto replayed =
      Through(demo, "appsrc name=in ! latentmux quantize=int8 ! latentparse" +
                        decode + "appsink name=out");
  ASSERT_EQ(replayed.size(), direct.size());
  double sum = 0;
  for (size_t i = 0; i < direct[3].bytes.size(); ++i) {
    const double d = double(direct[3].bytes[i]) - replayed[3].bytes[i];
    sum += d * d;
  }
  EXPECT_LT(sum / double(direct[3].bytes.size()), 4);  // 42 dB
  EXPECT_GT(sum, 0);
}

TEST(LatentMux, AWrongSizeIsAnError) {
  Pipeline pipeline("appsrc name=in ! latentmux ! fakesink");
  pipeline.Play();
  auto latents =
      FullLatents(InfoOf(tae::LatentLayout::kNchw, tae::DType::kF16), 1);
  latents[0].bytes.pop_back();
  Feed(&pipeline, latents);
  const Outcome outcome = pipeline.Wait();
  ASSERT_EQ(outcome.errors.size(), 1u);
  EXPECT_NE(outcome.errors[0].find("must have 1536 bytes, the buffer has 1535"),
            std::string::npos)
      << outcome.errors[0];
}

}  // namespace
}  // namespace tae_test
