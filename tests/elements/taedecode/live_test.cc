// Latents that cannot be shown: a live source goes on after one warning, a file
// ends with an error after all that came before.
#include <gst/video/video.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/decode_harness.h"
#include "support/temp_folder.h"
#include "taedecode/sign.h"
#include "taedecode/sign_font.h"

namespace tae_test {
namespace {

constexpr LatentShape kGood{32, 4, 4};
constexpr const char* kFlux2 = "variant=flux2";

GstBuffer* LatentOf(LatentShape shape, int index, const std::string& gen) {
  GstBuffer* buffer = LatentBuffer(shape, index);
  taegst::LatentStep step;
  step.prompt_id = gen;
  taegst::SetLatentStep(buffer, step);
  return buffer;
}

std::vector<std::string> Said(DecodeHarness& harness, GstMessageType type) {
  std::vector<std::string> texts;
  while (const auto message = harness.Message(type))
    texts.push_back(ErrorOf(message.get()).text);
  return texts;
}

struct Bad {
  const char* element;  // its properties
  const char* caps;     // of the latent that cannot be shown
  LatentShape shape;    // of its buffer
  const char* says;
  bool stands_in;  // something is shown in its place
};

const Bad kBad[] = {
    {"", "channels=8", {8, 4, 4}, "space with 8 channels", true},
    {"", "latent-width=9000", {32, 4, 9}, "latent-width=9000", false},
    {"", "channels=300", {32, 4, 4}, "channels=300", false},
    {"", "format=(string)F64LE", {32, 4, 4}, "format=F64LE", false},
    {"", "variant=nonsense", {32, 4, 4}, "'nonsense'", false},
    {"", "batch=99", {32, 4, 4}, "batch=99", false},
    {"", "layout=hwcn", {32, 4, 4}, "layout=hwcn", false},
    {"variant=flux2",
     "variant=sd,channels=4",
     {4, 4, 4},
     "variant=auto",
     false},
    {"max-pixels=2000",
     "variant=flux2,latent-width=8",
     {32, 4, 8},
     "max-pixels",
     false},
};

// The good latent's caps with the fields of `change` in them.
std::string ChangedCaps(const std::string& change) {
  const GstPtr<GstCaps> caps(
      gst_caps_from_string(LatentCaps(kGood, "layout=nchw").c_str()));
  const GstPtr<GstCaps> fields(
      gst_caps_from_string(("video/x-latent," + change).c_str()));
  gst_structure_foreach(
      gst_caps_get_structure(fields.get(), 0),
      [](GQuark field, const GValue* value, gpointer to) -> gboolean {
        gst_structure_id_set_value(static_cast<GstStructure*>(to), field,
                                   value);
        return TRUE;
      },
      gst_caps_get_structure(caps.get(), 0));
  return GstPtr<char>(gst_caps_to_string(caps.get())).get();
}

TEST(Live, EachBadLatentIsOneWarningAndTheNextGoodOneIsShown) {
  for (const Bad& bad : kBad)
    for (const bool first : {false, true}) {  // nothing was shown before it
      SCOPED_TRACE(std::string(bad.caps) + (first ? ", first" : ""));
      DecodeHarness harness("taedecode method=linear " +
                            std::string(bad.element));
      harness.SetLive(true);
      if (!first) {
        harness.SetCaps(LatentCaps(kGood, kFlux2));
        EXPECT_EQ(harness.Push(LatentOf(kGood, 0, "good")), GST_FLOW_OK);
        EXPECT_NE(harness.TryPull(), nullptr);
      }
      harness.SetCaps(ChangedCaps(bad.caps));
      for (int i = 1; i < 4; ++i)
        EXPECT_EQ(harness.Push(LatentOf(bad.shape, i, "bad one")), GST_FLOW_OK);
      int shown = 0;
      while (harness.TryPull() != nullptr) ++shown;
      EXPECT_EQ(shown, bad.stands_in ? 3 : 0);
      EXPECT_EQ(harness.Stat("refused"), 3u);
      const auto warnings = Said(harness, GST_MESSAGE_WARNING);
      ASSERT_EQ(warnings.size(), 1u);
      EXPECT_NE(warnings[0].find(bad.says), std::string::npos) << warnings[0];
      EXPECT_NE(warnings[0].find("generation bad one"), std::string::npos)
          << warnings[0];
      harness.SetCaps(LatentCaps(kGood, kFlux2));
      EXPECT_EQ(harness.Push(LatentOf(kGood, 5, "good")), GST_FLOW_OK);
      EXPECT_NE(harness.TryPull(), nullptr);
      EXPECT_EQ(Said(harness, GST_MESSAGE_ERROR).size(), 0u);
    }
}

TEST(File, EachBadLatentIsOneErrorAfterAllBeforeIt) {
  for (const Bad& bad : kBad) {
    SCOPED_TRACE(bad.caps);
    DecodeHarness harness("taedecode method=linear " +
                          std::string(bad.element));
    harness.SetCaps(LatentCaps(kGood, kFlux2));
    EXPECT_EQ(harness.Push(LatentOf(kGood, 0, "good")), GST_FLOW_OK);
    harness.SetCaps(ChangedCaps(bad.caps));
    EXPECT_EQ(harness.Push(LatentOf(bad.shape, 1, "bad one")),
              GST_FLOW_NOT_NEGOTIATED);
    gst_harness_push_event(harness.h, gst_event_new_eos());
    EXPECT_NE(harness.TryPull(), nullptr);
    const auto errors = Said(harness, GST_MESSAGE_ERROR);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_NE(errors[0].find(bad.says), std::string::npos) << errors[0];
  }
}

TEST(Live, ABufferOfTheWrongSizeIsOneWarningAGeneration) {
  DecodeHarness harness;
  harness.SetLive(true);
  harness.SetCaps(LatentCaps(kGood, kFlux2));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(harness.Push(LatentOf({32, 4, 5}, i, i < 3 ? "first" : "second")),
              GST_FLOW_OK);
  const auto warnings = Said(harness, GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[1].find("generation second"), std::string::npos);
  EXPECT_EQ(harness.Push(LatentOf(kGood, 7, "good")), GST_FLOW_OK);
  EXPECT_NE(harness.TryPull(), nullptr);
}

TEST(Live, ThePromptAndTheSenderAreNamed) {
  DecodeHarness harness;
  harness.SetLive(true);
  GstTagList* tags =
      gst_tag_list_new(GST_TAG_TITLE, "a fox in the snow", nullptr);
  gst_harness_push_event(harness.h, gst_event_new_stream_start("s"));
  harness.SetCaps(ChangedCaps("channels=16"));
  gst_harness_push_event(harness.h, gst_event_new_tag(tags));
  GstBuffer* buffer = LatentBuffer({16, 4, 4}, 0);
  taegst::LatentStep step;
  step.extra = {"producer=comfyui", "model=x"};
  taegst::SetLatentStep(buffer, step);
  EXPECT_EQ(harness.Push(buffer), GST_FLOW_OK);
  const auto warnings = Said(harness, GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("producer comfyui"), std::string::npos);
  EXPECT_NE(warnings[0].find("a fox in the snow"), std::string::npos);
  EXPECT_EQ(warnings[0].find("model"), std::string::npos);
}

// What downstream does not take is shown again as soon as it does.
TEST(Live, ASizeThatDownstreamDoesNotTakeIsOneWarning) {
  DecodeHarness harness("taedecode variant=flux2 method=linear",
                        "video/x-raw,format=RGB,width=640,height=480");
  harness.SetLive(true);
  harness.SetCaps(LatentCaps(kGood, kFlux2));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(harness.Push(LatentOf(kGood, i, "g")), GST_FLOW_OK);
  const auto warnings = Said(harness, GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("videoscale"), std::string::npos);
  gst_harness_set_sink_caps_str(harness.h, "video/x-raw,format=RGB");
  gst_harness_push_upstream_event(harness.h, gst_event_new_reconfigure());
  EXPECT_EQ(harness.Push(LatentOf(kGood, 4, "g")), GST_FLOW_OK);
  EXPECT_NE(harness.TryPull(), nullptr);
}

// Weights that were found and are none, for the space that comes second.
TEST(Live, DamagedWeightsOfTheNextSpaceAreProjected) {
  const tae::TempFolder folder;
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n";
  folder.Write("taef1_decoder.safetensors",
               std::vector<uint8_t>(pointer.begin(), pointer.end()));
  g_setenv("TAE_MODEL_PATH", folder.path().c_str(), TRUE);
  for (const char* method : {"auto", "tae"}) {
    DecodeHarness harness("taedecode method=" + std::string(method));
    harness.SetLive(true);
    harness.SetCaps(LatentCaps({16, 4, 4}, "variant=flux1"));
    EXPECT_EQ(harness.Push(LatentOf({16, 4, 4}, 0, "g")), GST_FLOW_OK);
    const auto frame = harness.TryPull();
    ASSERT_NE(frame, nullptr) << method;
    EXPECT_EQ(taegst::GetLatentStep(frame.get())->rung, "linear");
    std::string all;
    for (const auto& text : Said(harness, GST_MESSAGE_WARNING)) all += text;
    EXPECT_NE(all.find("taef1_decoder.safetensors"), std::string::npos) << all;
    EXPECT_NE(all.find("linear projection"), std::string::npos) << all;
    EXPECT_EQ(Said(harness, GST_MESSAGE_ERROR).size(), 0u);
  }
  g_setenv("TAE_MODEL_PATH", "", TRUE);
}

// The built-in decoder stands in for it; the file is worth a warning.
TEST(File, DamagedWeightsThatAreFoundAreAWarning) {
  const tae::TempFolder folder;
  folder.Write("taef2_decoder.safetensors", std::vector<uint8_t>(9, 'x'));
  g_setenv("TAE_MODEL_PATH", folder.path().c_str(), TRUE);
  DecodeHarness harness("taedecode");
  harness.SetCaps(LatentCaps(kGood, kFlux2));
  EXPECT_EQ(harness.Push(LatentOf(kGood, 0, "g")), GST_FLOW_OK);
  const auto warnings = Said(harness, GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("taef2_decoder.safetensors"), std::string::npos);
  g_setenv("TAE_MODEL_PATH", "", TRUE);
}

// Every output format can hold it, and something is written in it.
TEST(Sign, IsDrawnInEveryFormat) {
  for (const char* format : {"RGB", "BGRx", "I420", "NV12", "YUY2", "GBR",
                             "GRAY8", "RGBA64_LE", "Y444", "P010_10LE"}) {
    DecodeHarness harness("taedecode",
                          "video/x-raw,format=" + std::string(format));
    harness.SetLive(true);
    harness.SetCaps(LatentCaps({8, 20, 40}, "layout=nchw"));
    EXPECT_EQ(harness.Push(LatentBuffer({8, 20, 40}, 0)), GST_FLOW_OK);
    const auto frame = harness.TryPull();
    ASSERT_NE(frame, nullptr) << format;
    const auto caps = harness.OutputCaps();
    GstVideoInfo info;
    ASSERT_TRUE(gst_video_info_from_caps(&info, caps.get()));
    EXPECT_EQ(info.width, 320);
    EXPECT_EQ(info.height, 160);
    EXPECT_EQ(gst_buffer_get_size(frame.get()), info.size) << format;
    const auto bytes = BytesOf(frame.get());
    // Not one value alone, and more paper than ink.
    EXPECT_FALSE(std::equal(bytes.begin() + info.stride[0],
                            bytes.begin() + info.size / 2, bytes.begin()))
        << format;
  }
}

TEST(Sign, LinesBreakAtSpacesAndSayThatMoreFollows) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(taegst::BreakLines("set the property", 8, 9),
            (Lines{"set the", "property"}));
  EXPECT_EQ(taegst::BreakLines("abcdefghij", 4, 9),
            (Lines{"abcd", "efgh", "ij"}));
  EXPECT_EQ(taegst::BreakLines("one two three four", 9, 1),
            (Lines{"one tw..."}));
  EXPECT_EQ(taegst::BreakLines("one", 2, 1), (Lines{".."}));
  EXPECT_EQ(taegst::BreakLines("one", 0, 1), Lines{});
  EXPECT_EQ(taegst::BreakLines("", 9, 9), Lines{});
}

TEST(Sign, NoTwoLettersLookTheSame) {
  for (char a = ' '; a <= '~'; ++a)
    for (char b = ' '; b < a; ++b)
      EXPECT_FALSE(std::equal(std::begin(taegst::GlyphOf(a).rows),
                              std::end(taegst::GlyphOf(a).rows),
                              std::begin(taegst::GlyphOf(b).rows)))
          << a << b;
  EXPECT_EQ(&taegst::GlyphOf('\x80'), &taegst::GlyphOf('?'));
}

}  // namespace
}  // namespace tae_test
