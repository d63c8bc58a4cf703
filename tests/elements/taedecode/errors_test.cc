// Wrong caps, wrong buffers, wrong weights: a sentence, the right code, and no
// more damage than must be.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/decode_harness.h"

namespace tae_test {
namespace {

std::string Shared(const std::string& path) {
  const char* root = std::getenv("TAE_SHARED");
  return std::string(root != nullptr ? root : "../shared") + "/" + path;
}

TEST(Caps, ThatDoNotFitAreRefusedWithAReason) {
  struct Case {
    LatentShape shape;
    const char* more;
    const char* says;
  };
  for (const Case& c : {
           Case{{16, 4, 4}, "layout=nchw", "16 channels"},
           Case{{32, 4, 4}, "variant=ideogram4", "variant ideogram4"},
           Case{{32, 4, 4}, "variant=nonsense", "variant=nonsense"},
           Case{{32, 3, 4}, "variant=flux2,layout=packed", "2x2"},
           Case{{32, 4, 4}, "layout=hwcn", "layout=hwcn"},
           Case{{32, 4, 4}, "domain=pixel", "domain=pixel"},
           Case{{32, 4, 4}, "pred=eps", "pred=eps"},
       }) {
    DecodeHarness harness;
    harness.SetCaps(LatentCaps(c.shape, c.more));
    EXPECT_EQ(harness.Push(LatentBuffer(c.shape, 0)), GST_FLOW_NOT_NEGOTIATED)
        << c.more;
    const auto message = harness.Message(GST_MESSAGE_ERROR);
    const PostedError error = ErrorOf(message.get());
    EXPECT_EQ(error.domain, GST_STREAM_ERROR) << c.more;
    EXPECT_NE(error.text.find(c.says), std::string::npos) << error.text;
  }
}

TEST(Caps, TensorsThatAreNoLatentAreRefused) {
  for (const char* dimensions :
       {"64:64", "4:3:32:2:2", "x", "4:3:-32", "4:3:", "99999:3:32", "",
        "1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1", "99999999999999999999:1:1"}) {
    DecodeHarness harness;
    harness.SetCaps(
        "other/tensors,format=static,num_tensors=1,types=float32,"
        "framerate=0/1,dimensions=(string)\"" +
        std::string(dimensions) + "\"");
    EXPECT_EQ(harness.Push(LatentBuffer({}, 0)), GST_FLOW_NOT_NEGOTIATED)
        << dimensions;
    EXPECT_NE(harness.Message(GST_MESSAGE_ERROR), nullptr) << dimensions;
  }
}

TEST(Caps, PictureOverMaxPixelsIsRefused) {
  DecodeHarness harness("taedecode variant=flux2 method=linear max-pixels=100");
  harness.SetCaps(LatentCaps({}));
  EXPECT_EQ(harness.Push(LatentBuffer({}, 0)), GST_FLOW_NOT_NEGOTIATED);
  const auto message = harness.Message(GST_MESSAGE_ERROR);
  EXPECT_NE(ErrorOf(message.get()).text.find("max-pixels"), std::string::npos);
}

TEST(Caps, VariantIsGuessedFromChannelsWithAWarning) {
  DecodeHarness harness("taedecode method=linear");
  harness.SetCaps(LatentCaps({4, 4, 4}, "layout=nchw"));
  EXPECT_EQ(harness.Push(LatentBuffer({4, 4, 4}, 0)), GST_FLOW_OK);
  const auto message = harness.Message(GST_MESSAGE_WARNING);
  EXPECT_NE(ErrorOf(message.get()).text.find("taken for sd"),
            std::string::npos);
}

TEST(Caps, UnknownChannelCountNamesTheProperty) {
  DecodeHarness harness("taedecode method=linear");
  harness.SetCaps(LatentCaps({7, 4, 4}, "layout=nchw"));
  EXPECT_EQ(harness.Push(LatentBuffer({7, 4, 4}, 0)), GST_FLOW_NOT_NEGOTIATED);
  const auto message = harness.Message(GST_MESSAGE_ERROR);
  EXPECT_NE(ErrorOf(message.get()).text.find("property variant"),
            std::string::npos);
}

TEST(Buffers, OfTheWrongSizeAreAWarningAndTheStreamGoesOn) {
  for (const int scalars : {0, 1, 383, 385}) {
    DecodeHarness harness;
    harness.SetCaps(LatentCaps({}));
    EXPECT_EQ(harness.Push(BufferOf(std::vector<float>(scalars), 0)),
              GST_FLOW_OK);
    const auto message = harness.Message(GST_MESSAGE_WARNING);
    const PostedError warning = ErrorOf(message.get());
    EXPECT_EQ(warning.domain, GST_STREAM_ERROR);
    EXPECT_EQ(warning.code, GST_STREAM_ERROR_FORMAT);
    EXPECT_NE(warning.text.find("1536 bytes"), std::string::npos);
    EXPECT_EQ(harness.Push(LatentBuffer({}, 1)), GST_FLOW_OK);
    EXPECT_NE(harness.TryPull(), nullptr);
    EXPECT_EQ(harness.Stat("refused"), 1u);
  }
}

TEST(Buffers, OfTheWrongSizeEndTheStreamWithMaxErrorsZero) {
  DecodeHarness harness("taedecode variant=flux2 method=linear max-errors=0");
  harness.SetCaps(LatentCaps({}));
  EXPECT_EQ(harness.Push(BufferOf({1, 2, 3}, 0)), GST_FLOW_ERROR);
  const auto message = harness.Message(GST_MESSAGE_ERROR);
  const PostedError error = ErrorOf(message.get());
  EXPECT_EQ(error.domain, GST_STREAM_ERROR);
  EXPECT_EQ(error.code, GST_STREAM_ERROR_FORMAT);
}

// The state that the element reaches, and what it posts on its way.
struct Started {
  GstStateChangeReturn result;
  PostedError error;
};

Started Start(const std::string& description) {
  const GstPtr<GstElement> element(
      gst_parse_launch(description.c_str(), nullptr));
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element.get(), bus);
  Started started;
  started.result = gst_element_set_state(element.get(), GST_STATE_PAUSED);
  const GstPtr<GstMessage> message(
      gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
  started.error = ErrorOf(message.get());
  gst_element_set_state(element.get(), GST_STATE_NULL);
  gst_element_set_bus(element.get(), nullptr);
  gst_object_unref(bus);
  return started;
}

TEST(Weights, MissingOnesFailTheStartAndSayWhatToFetch) {
  const Started started = Start("taedecode variant=flux2 method=tae");
  EXPECT_EQ(started.result, GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(started.error.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(started.error.code, GST_RESOURCE_ERROR_NOT_FOUND);
  for (const char* word : {"taef2_decoder", "https://", "fetch-weights.sh"})
    EXPECT_NE(started.error.text.find(word), std::string::npos) << word;
}

TEST(Weights, NamedFileThatIsNotThereFailsTheStart) {
  const Started started =
      Start("taedecode variant=flux2 model-file=no-such.safetensors");
  EXPECT_EQ(started.result, GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(started.error.code, GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_NE(started.error.text.find("no-such.safetensors"), std::string::npos);
}

TEST(Weights, DamagedFileFailsTheStart) {
  const auto path =
      std::filesystem::temp_directory_path() / "tae_damaged.safetensors";
  std::ofstream(path) << "\xff\xff\xff\xff\xff\xff\xff\x7f{this is nothing";
  const Started started =
      Start("taedecode variant=flux2 model-file=" + path.string());
  std::filesystem::remove(path);
  EXPECT_EQ(started.result, GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(started.error.domain, GST_RESOURCE_ERROR);
}

TEST(Weights, OfAnotherSpaceFailTheStart) {
  const std::string file = Shared("golden/sd_seeded_decoder.safetensors");
  if (!std::filesystem::exists(file))
    GTEST_SKIP() << "needs " << file << ", see TAE_SHARED";
  const Started started = Start("taedecode variant=flux2 model-file=" + file);
  EXPECT_EQ(started.result, GST_STATE_CHANGE_FAILURE);
  EXPECT_NE(started.error.text, "");
}

TEST(Weights, NoneWithMethodAutoIsLinearWithOneWarning) {
  DecodeHarness harness("taedecode");
  const LatentShape shape{4, 4, 4};
  harness.SetCaps(LatentCaps(shape, "variant=sdxl"));
  EXPECT_EQ(harness.Push(LatentBuffer(shape, 0)), GST_FLOW_OK);
  const LatentShape larger{4, 5, 5};
  harness.SetCaps(LatentCaps(larger, "variant=sdxl"));
  EXPECT_EQ(harness.Push(LatentBuffer(larger, 1)), GST_FLOW_OK);
  const auto message = harness.Message(GST_MESSAGE_WARNING);
  const PostedError warning = ErrorOf(message.get());
  EXPECT_EQ(warning.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(warning.code, GST_RESOURCE_ERROR_NOT_FOUND);
  for (const char* word : {"taesdxl_decoder", "https://", "fetch-weights.sh"})
    EXPECT_NE(warning.text.find(word), std::string::npos) << word;
  EXPECT_EQ(harness.Message(GST_MESSAGE_WARNING), nullptr);
}

TEST(Weights, TheBuiltinDecoderServesWithANoteAndNoWarning) {
  DecodeHarness harness("taedecode");
  harness.SetCaps(LatentCaps({}));
  EXPECT_EQ(harness.Push(LatentBuffer({}, 0)), GST_FLOW_OK);
  const auto message = harness.Message(GST_MESSAGE_INFO);
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(harness.Message(GST_MESSAGE_WARNING), nullptr);
  GError* error = nullptr;
  gst_message_parse_info(message.get(), &error, nullptr);
  for (const char* word : {"taef2_decoder", "https://", "fetch-weights.sh"})
    EXPECT_NE(std::string(error->message).find(word), std::string::npos);
  g_error_free(error);
  GstStructure* stats = nullptr;
  g_object_get(harness.decoder(), "stats", &stats, nullptr);
  EXPECT_STREQ(gst_structure_get_string(stats, "method"), "builtin");
  gst_structure_free(stats);
}

TEST(States, GoUpAndDownWithAndWithoutAModel) {
  for (const char* description :
       {"taedecode", "taedecode variant=flux2 method=linear",
        "taedecode variant=flux2 method=tae"}) {
    const GstPtr<GstElement> element(gst_parse_launch(description, nullptr));
    for (int i = 0; i < 20; ++i)
      for (const GstState state :
           {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING,
            GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL})
        gst_element_set_state(element.get(), state);
  }
}

TEST(States, StreamIsForgottenInReady) {
  DecodeHarness harness;
  harness.SetCaps(LatentCaps({}));
  harness.Push(LatentBuffer({}, 0));
  EXPECT_EQ(harness.Stat("decoded"), 1u);
  gst_element_set_state(harness.decoder(), GST_STATE_READY);
  EXPECT_EQ(harness.Stat("decoded"), 0u);
  gst_element_set_state(harness.decoder(), GST_STATE_PLAYING);
}

}  // namespace
}  // namespace tae_test
