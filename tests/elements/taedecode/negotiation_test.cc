// What is said where downstream takes none of the frames that are offered, what
// the property variant takes, and whose framerate holds.
#include <string>

#include "support/decode_harness.h"
#include "tae/variant.h"

namespace tae_test {
namespace {

TEST(Mismatch, IsAnErrorThatSaysWhatIsOfferedAndWhatHelps) {
  struct Case {
    const char* caps;
    const char* helps;
  };
  for (const Case& c :
       {Case{"width=640,height=480", "put videoscale between"},
        Case{"framerate=30/1", "put videorate between"},
        Case{"colorimetry=bt601", "put videoconvert between"},
        Case{"width=33,framerate=25/1", "put videoscale ! videorate between"},
        Case{"interlace-mode=fields", "put videoconvert between"}}) {
    DecodeHarness harness("taedecode variant=flux2 method=linear",
                          "video/x-raw," + std::string(c.caps));
    harness.SetCaps(LatentCaps({}));
    EXPECT_EQ(harness.Push(LatentBuffer({}, 0)), GST_FLOW_NOT_NEGOTIATED);
    const std::string text =
        ErrorOf(harness.Message(GST_MESSAGE_ERROR).get()).text;
    EXPECT_NE(text.find(c.helps), std::string::npos) << text;
    for (const char* word :
         {"32x24", "16x12", "framerate=10/1", "colorimetry=sRGB"})
      EXPECT_NE(text.find(word), std::string::npos) << text;
    EXPECT_EQ(harness.Message(GST_MESSAGE_ERROR), nullptr);
  }
}

TEST(Mismatch, OfFiltersThatContradictEachOtherIsSaid) {
  DecodeHarness harness("taedecode variant=flux2 method=linear", "EMPTY");
  harness.SetCaps(LatentCaps({}));
  EXPECT_EQ(harness.Push(LatentBuffer({}, 0)), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_NE(
      ErrorOf(harness.Message(GST_MESSAGE_ERROR).get()).text.find("contradict"),
      std::string::npos);
}

TEST(Framerate, OfTheDemoIsThatOfDownstream) {
  const GstPtr<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(
      gst_parse_launch("latentsrc num-buffers=2 width=64 height=64 ! "
                       "taedecode method=linear ! "
                       "video/x-raw,framerate=30/1 ! fakesink name=out",
                       nullptr))));
  const GstPtr<GstBus> bus(gst_element_get_bus(pipeline.get()));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const GstPtr<GstMessage> end(gst_bus_timed_pop_filtered(
      bus.get(), kPatience,
      GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(GST_MESSAGE_TYPE(end.get()), GST_MESSAGE_EOS);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

// Latents of another rate are taken: why their frames are not is said later.
TEST(Framerate, OfDownstreamIsAWishInTheCapsOfTheInput) {
  DecodeHarness harness("taedecode variant=flux2 method=linear",
                        "video/x-raw,framerate=30/1");
  const GstPtr<GstCaps> caps(
      gst_pad_peer_query_caps(harness.h->srcpad, nullptr));
  int n = 0, d = 0;
  EXPECT_TRUE(gst_structure_get_fraction(gst_caps_get_structure(caps.get(), 0),
                                         "framerate", &n, &d));
  EXPECT_EQ(n, 30);
  const GstPtr<GstCaps> slow(gst_caps_from_string(LatentCaps({}).c_str()));
  EXPECT_TRUE(gst_caps_can_intersect(caps.get(), slow.get()));
}

GstStateChangeReturn Start(const std::string& variant, std::string* error) {
  const GstPtr<GstElement> element(GST_ELEMENT(
      gst_object_ref_sink(gst_element_factory_make("taedecode", nullptr))));
  const GstPtr<GstBus> bus(gst_bus_new());
  gst_element_set_bus(element.get(), bus.get());
  gst_util_set_object_arg(G_OBJECT(element.get()), "method", "linear");
  g_object_set(element.get(), "variant", variant.c_str(), nullptr);
  const auto result = gst_element_set_state(element.get(), GST_STATE_PAUSED);
  const GstPtr<GstMessage> message(
      gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  *error = ErrorOf(message.get()).text;
  gst_element_set_state(element.get(), GST_STATE_NULL);
  gst_element_set_bus(element.get(), nullptr);
  return result;
}

TEST(Variant, TakesEveryNameThatTheLibraryTakes) {
  std::string error;
  for (const char* name : {"z-image", "flux2", "FLUX.2", "sd3.5",
                           "black-forest-labs/FLUX.1-dev", "auto", ""}) {
    EXPECT_NE(Start(name, &error), GST_STATE_CHANGE_FAILURE) << name;
    EXPECT_EQ(error, "") << name;
  }
  EXPECT_EQ(Start("fluxx9", &error), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(error, tae::UnknownVariant("fluxx9").message());
}

TEST(Variant, IsListedForPeopleWhoInspect) {
  const GstPtr<GstElement> element(GST_ELEMENT(
      gst_object_ref_sink(gst_element_factory_make("taedecode", nullptr))));
  GParamSpec* spec = g_object_class_find_property(
      G_OBJECT_GET_CLASS(element.get()), "variant");
  const std::string blurb = g_param_spec_get_blurb(spec);
  for (const tae::VariantInfo& info : tae::Variants())
    EXPECT_NE(blurb.find(info.name), std::string::npos) << info.name;
  gchar* value = nullptr;
  g_object_get(element.get(), "variant", &value, nullptr);
  EXPECT_STREQ(value, "auto");
  g_free(value);
}

}  // namespace
}  // namespace tae_test
