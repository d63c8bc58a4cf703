// latentparse fed by hand: any split, damage, limits, other containers,
// generations, flushes.
#include <cstring>
#include <utility>

#include "support/latent_bytes.h"
#include "support/latent_run.h"

namespace tae_test {
namespace {

// latentparse behind a harness, with a bus that keeps its messages.
class Parser {
 public:
  explicit Parser(const char* caps = "application/x-safetensors",
                  const char* launch = "latentparse")
      : bus_(gst_bus_new()) {
    const GstPtr<GstElement> parser(
        GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(launch, nullptr))));
    h = gst_harness_new_with_element(parser.get(), "sink", "src");
    gst_element_set_bus(parser.get(), bus_);
    gst_harness_set_src_caps_str(h, caps);
    Segment();
  }
  ~Parser() {
    gst_element_set_bus(h->element, nullptr);
    gst_object_unref(bus_);
    gst_harness_teardown(h);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  void Segment() {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_harness_push_event(h, gst_event_new_segment(&segment));
  }
  GstFlowReturn Push(std::string_view bytes) {
    return gst_harness_push(h,
                            gst_buffer_new_memdup(bytes.data(), bytes.size()));
  }
  std::vector<Latent> Pull() {
    std::vector<Latent> latents;
    while (GstBuffer* buffer = gst_harness_try_pull(h)) {
      const GstPtr<GstBuffer> owned(buffer);
      const GstPtr<GstCaps> caps(gst_pad_get_current_caps(h->sinkpad));
      latents.push_back(LatentOf(buffer, caps.get()));
    }
    return latents;
  }
  void End() { gst_harness_push_event(h, gst_event_new_eos()); }
  // All errors, or all warnings, since the last call for them.
  std::vector<std::string> Said(GstMessageType type) {
    while (GstMessage* message = gst_bus_pop(bus_)) {
      const GstPtr<GstMessage> owned(message);
      if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        errors_.push_back(TextOf(message));
      if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
        warnings_.push_back(TextOf(message));
    }
    return std::exchange(type == GST_MESSAGE_ERROR ? errors_ : warnings_, {});
  }

  GstHarness* h;

 private:
  GstBus* bus_;
  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
};

// [1, 4, 1, 2] of F16, `extra` is more metadata.
std::string Message(int step, const std::string& extra = "") {
  std::string data;
  for (int i = 0; i < 8; ++i) data += {char(i + step), 0x30};
  return tae::testing::Safetensors(
      R"({"__metadata__":{"space":"sd","step":")" + std::to_string(step) +
          "\"" + extra + R"(},"latent":{"dtype":"F16","shape":[1,4,1,2],)" +
          R"("data_offsets":[0,16]}})",
      data);
}

TEST(LatentParse, AnySplitGivesTheSame) {
  const std::string stream = Message(1) + Message(2) + Message(3);
  std::vector<Latent> whole;
  for (const size_t split : {stream.size(), size_t{1}, size_t{7}, size_t{64}}) {
    Parser parser;
    for (size_t at = 0; at < stream.size(); at += split)
      ASSERT_EQ(parser.Push(std::string_view(stream).substr(at, split)),
                GST_FLOW_OK);
    const auto latents = parser.Pull();
    ASSERT_EQ(latents.size(), 3u);
    if (whole.empty()) whole = latents;
    EXPECT_EQ(latents, whole);
  }
  EXPECT_NE(whole[0].caps.find("variant=(string)sd"), std::string::npos);
  EXPECT_EQ(whole[2].step.step, 3u);
  EXPECT_EQ(whole[2].pts, 200 * GST_MSECOND);
  EXPECT_EQ(whole[2].duration, 100 * GST_MSECOND);
  EXPECT_EQ(whole[2].bytes.size(), 16u);
}

TEST(LatentParse, TruncatedAnywhereLosesOneMessageOnly) {
  const std::string stream = Message(1) + Message(2) + Message(3);
  const size_t length = stream.size() / 3;
  for (size_t cut = 1; cut < stream.size(); ++cut) {
    Parser parser;
    ASSERT_EQ(parser.Push(std::string_view(stream).substr(0, cut)),
              GST_FLOW_OK);
    parser.End();
    EXPECT_EQ(parser.Pull().size(), cut / length) << cut;
    const auto warnings = parser.Said(GST_MESSAGE_WARNING);
    const auto errors = parser.Said(GST_MESSAGE_ERROR);
    EXPECT_EQ(warnings.size(), cut > length && cut % length ? 1u : 0u) << cut;
    EXPECT_EQ(!errors.empty(), cut < length) << cut;
    const std::string& said = errors.empty()
                                  ? warnings.empty() ? "truncated" : warnings[0]
                                  : errors[0];
    EXPECT_NE(said.find("truncated"), std::string::npos) << said;
  }
}

struct Refusal {
  std::string bytes;
  const char* says;
};

TEST(LatentParse, RefusesByName) {
  const std::string weights = tae::testing::Safetensors(
      R"({"1.weight":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
      R"("1.bias":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
      "abcd");
  const Refusal cases[] = {
      {Message(1, R"(,"space":"sd")"), "appears twice"},
      {weights, "these are"},
      {weights, "weights"},
      {"PK\x03\x04 and so on", "zip archive"},
      {tae::testing::LittleEndian(uint64_t{1} << 40, 8) + "{\"a", "limit"},
      {tae::testing::Safetensors(
           R"({"latent":{"dtype":"F16","shape":[1,4,65536,65536],)"
           R"("data_offsets":[0,34359738368]}})",
           ""),
       "over the limit of 268435456"},
  };
  for (const Refusal& refusal : cases) {
    Parser parser;
    EXPECT_EQ(parser.Push(refusal.bytes), GST_FLOW_ERROR) << refusal.says;
    const auto errors = parser.Said(GST_MESSAGE_ERROR);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_NE(errors[0].find(refusal.says), std::string::npos) << errors[0];
  }
}

TEST(LatentParse, DamageKeepsAllBeforeItAndSaysTheByte) {
  Parser parser;
  const std::string whole = Message(1) + Message(2);
  EXPECT_EQ(parser.Push(whole + "junk that is long"), GST_FLOW_EOS);
  EXPECT_EQ(parser.Pull().size(), 2u);
  EXPECT_TRUE(parser.Said(GST_MESSAGE_ERROR).empty());
  const auto warnings = parser.Said(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  for (const std::string& part :
       {"Latent 3, at byte " + std::to_string(whole.size()),
        std::string("found text: 'junk that ")})
    EXPECT_NE(warnings[0].find(part), std::string::npos) << warnings[0];
}

// A harness is a live source.
TEST(LatentParse, LiveInputGoesOnAfterALatentThatCannotBeShown) {
  std::string other = Message(1);
  other.replace(other.find("\"sd\""), 4, "\"xy\"");
  Parser parser;
  const std::string layout = Message(1, R"(,"layout":"zigzag")");
  EXPECT_EQ(parser.Push(other + other + Message(2) + layout + Message(3)),
            GST_FLOW_OK);
  const auto latents = parser.Pull();
  ASSERT_EQ(latents.size(), 2u);
  EXPECT_EQ(latents[0].step.step, 2u);
  EXPECT_EQ(latents[1].step.step, 3u);
  EXPECT_TRUE(parser.Said(GST_MESSAGE_ERROR).empty());
  const auto warnings = parser.Said(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[0].find("'xy'"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[1].find("unknown layout 'zigzag'"), std::string::npos)
      << warnings[1];
}

TEST(LatentParse, TheCapsSayTheFramerate) {
  Parser parser("application/x-safetensors,framerate=25/1");
  EXPECT_EQ(parser.Push(Message(1, R"(,"fps":"5")") + Message(2)), GST_FLOW_OK);
  const auto latents = parser.Pull();
  ASSERT_EQ(latents.size(), 2u);
  EXPECT_EQ(latents[0].duration, 40 * GST_MSECOND);
  EXPECT_NE(latents[0].caps.find("framerate=(fraction)25/1"), std::string::npos)
      << latents[0].caps;
}

TEST(LatentParse, HeadersOfLiveInputHaveALimit) {
  const std::string long_one =
      Message(1, R"(,"workflow":")" + std::string(3 << 20, 'x') + "\"");
  Parser usual;
  EXPECT_EQ(usual.Push(long_one), GST_FLOW_OK);
  EXPECT_EQ(usual.Pull().size(), 1u);
  Parser narrow("application/x-safetensors",
                "latentparse max-header-size=100000");
  EXPECT_EQ(narrow.Push(long_one), GST_FLOW_ERROR);
}

TEST(LatentParse, TagsNameTheCodec) {
  Parser parser;
  EXPECT_EQ(parser.Push(Message(1) + Message(2)), GST_FLOW_OK);
  auto tags = TakeTextTags(parser.h);
  ASSERT_FALSE(tags[GST_TAG_VIDEO_CODEC].empty());
  EXPECT_EQ(tags[GST_TAG_VIDEO_CODEC].back(), "Latents (sd)");
  ASSERT_FALSE(tags[GST_TAG_CONTAINER_FORMAT].empty());
  EXPECT_EQ(tags[GST_TAG_CONTAINER_FORMAT].back(), "Safetensors");
}

TEST(LatentParse, MaxBytesIsAskedBeforeThePayload) {
  Parser parser("application/x-safetensors", "latentparse max-bytes=15");
  const std::string message = Message(1);
  EXPECT_EQ(
      parser.Push(std::string_view(message).substr(0, message.size() - 16)),
      GST_FLOW_ERROR);
  EXPECT_NE(parser.Said(GST_MESSAGE_ERROR)[0].find("limit of 15"),
            std::string::npos);
}

TEST(LatentParse, Npy) {
  const std::string array = tae::testing::Npy(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4, 2, 3), }",
      std::string(96, '\0'));
  Parser parser("application/x-npy", "latentparse framerate=25/1");
  ASSERT_EQ(parser.Push(array + array), GST_FLOW_OK);
  const auto latents = parser.Pull();
  ASSERT_EQ(latents.size(), 2u);
  EXPECT_EQ(latents[1].bytes.size(), 96u);
  EXPECT_EQ(latents[1].pts, 40 * GST_MSECOND);
  EXPECT_NE(latents[0].caps.find("format=(string)F32LE, channels=(int)4, "
                                 "latent-width=(int)3, latent-height=(int)2"),
            std::string::npos)
      << latents[0].caps;
}

TEST(LatentParse, ComfyLatentIsInTheVaeDomain) {
  Parser parser;
  const float half = 0.5f;
  std::string data(16, '\0');
  for (int i = 0; i < 4; ++i) std::memcpy(data.data() + 4 * i, &half, 4);
  ASSERT_EQ(parser.Push(tae::testing::Safetensors(
                R"({"latent_format_version_0":{"dtype":"F32","shape":[0],)"
                R"("data_offsets":[0,0]},"latent_tensor":{"dtype":"F32",)"
                R"("shape":[1,4,1,1],"data_offsets":[0,16]}})",
                data)),
            GST_FLOW_OK);
  const auto latents = parser.Pull();
  ASSERT_EQ(latents.size(), 1u);
  EXPECT_NE(latents[0].caps.find("domain=(string)vae"), std::string::npos);
  EXPECT_EQ(std::memcmp(latents[0].bytes.data(), data.data(), 16), 0);
}

TEST(LatentParse, ABatchIsOneBuffer) {
  Parser parser;
  const std::string data = "firstone2ndone!!";
  ASSERT_EQ(parser.Push(tae::testing::Safetensors(
                R"({"latent":{"dtype":"F16","shape":[2,4,1,1],)"
                R"("data_offsets":[0,16]}})",
                data)),
            GST_FLOW_OK);
  const auto latents = parser.Pull();
  ASSERT_EQ(latents.size(), 1u);
  EXPECT_EQ(std::string(latents[0].bytes.begin(), latents[0].bytes.end()),
            data);
  EXPECT_NE(latents[0].caps.find("batch=(int)2"), std::string::npos)
      << latents[0].caps;
}

TEST(LatentParse, ANewGenerationIsDiscontAndTagged) {
  Parser parser;
  ASSERT_EQ(parser.Push(Message(1, R"(,"gen":"a","prompt":"a cat")") +
                        Message(2, R"(,"gen":"a","prompt":"a cat")") +
                        Message(1, R"(,"gen":"b","prompt":"a dog")") +
                        Message(2, R"(,"gen":"b","prompt":"a dog")") +
                        Message(1, R"(,"gen":"b","prompt":"a dog")") +
                        Message(2) + Message(1)),
            GST_FLOW_OK);
  const auto latents = parser.Pull();
  ASSERT_EQ(latents.size(), 7u);
  EXPECT_FALSE(latents[1].discont);
  EXPECT_TRUE(latents[2].discont);
  EXPECT_FALSE(latents[3].discont);
  EXPECT_FALSE(latents[4].discont) << "the refiner of the same generation";
  EXPECT_TRUE(latents[5].discont);
  EXPECT_TRUE(latents[6].discont) << "no gen, and the step goes back";
  EXPECT_EQ(TakeTextTags(parser.h)[GST_TAG_TITLE],
            (std::vector<std::string>{"a cat", "a dog"}));
}

TEST(LatentParse, ANewSizeIsNewCaps) {
  Parser parser;
  const std::string wide = tae::testing::Safetensors(
      R"({"latent":{"dtype":"BF16","shape":[1,4,1,8],"data_offsets":[0,64]}})",
      std::string(64, 'x'));
  ASSERT_EQ(parser.Push(Message(1)), GST_FLOW_OK);
  const auto first = parser.Pull();
  ASSERT_EQ(parser.Push(wide), GST_FLOW_OK);
  const auto second = parser.Pull();
  EXPECT_NE(first[0].caps.find("latent-width=(int)2"), std::string::npos);
  EXPECT_NE(second[0].caps.find("BF16LE"), std::string::npos);
  EXPECT_NE(second[0].caps.find("latent-width=(int)8"), std::string::npos);
}

// A message that is longer than two of the usual.
std::string LongMessage() {
  return tae::testing::Safetensors(
      R"({"latent":{"dtype":"F16","shape":[1,4,8,8],"data_offsets":[0,512]}})",
      std::string(512, 'x'));
}

TEST(LatentParse, AFlushForgetsHalfAMessage) {
  Parser parser;
  ASSERT_EQ(parser.Push(Message(1) + LongMessage().substr(0, 100)),
            GST_FLOW_OK);
  EXPECT_EQ(parser.Pull().size(), 1u);
  gst_harness_push_event(parser.h, gst_event_new_flush_start());
  gst_harness_push_event(parser.h, gst_event_new_flush_stop(TRUE));
  parser.Segment();
  ASSERT_EQ(parser.Push(Message(2)), GST_FLOW_OK);
  const auto latents = parser.Pull();
  ASSERT_EQ(latents.size(), 1u);
  EXPECT_EQ(latents[0].step.step, 2u);
  EXPECT_TRUE(parser.Said(GST_MESSAGE_ERROR).empty());
}

TEST(LatentParse, ADiscontinuityCostsTheMessageThatItTears) {
  Parser parser;
  const std::string message = Message(1);
  ASSERT_EQ(parser.Push(message + LongMessage().substr(0, 100)), GST_FLOW_OK);
  GstBuffer* rest = gst_buffer_new_memdup(message.data(), message.size());
  GST_BUFFER_FLAG_SET(rest, GST_BUFFER_FLAG_DISCONT);
  ASSERT_EQ(gst_harness_push(parser.h, rest), GST_FLOW_OK);
  EXPECT_EQ(parser.Pull().size(), 2u);
  EXPECT_EQ(parser.Said(GST_MESSAGE_WARNING).size(), 1u);
}

TEST(LatentParse, TimesOfTheSourceAreKept) {
  Parser parser;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(parser.h, gst_event_new_segment(&segment));
  for (const GstClockTime at : {3 * GST_SECOND, 5 * GST_SECOND}) {
    const std::string message = Message(1);
    GstBuffer* buffer = gst_buffer_new_memdup(message.data(), message.size());
    GST_BUFFER_PTS(buffer) = at;
    ASSERT_EQ(gst_harness_push(parser.h, buffer), GST_FLOW_OK);
    const auto latents = parser.Pull();
    ASSERT_EQ(latents.size(), 1u);
    EXPECT_EQ(latents[0].pts, at);
  }
}

TEST(LatentParse, StatesComeAndGo) {
  const std::string stream = Message(1) + Message(2);
  Parser parser;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(parser.Push(stream + stream.substr(0, 60)), GST_FLOW_OK);
    const auto latents = parser.Pull();
    ASSERT_EQ(latents.size(), 2u);
    EXPECT_EQ(latents[1].pts, 100 * GST_MSECOND);
    gst_element_set_state(parser.h->element, GST_STATE_NULL);
    gst_element_set_state(parser.h->element, GST_STATE_PLAYING);
    gst_harness_push_event(parser.h, gst_event_new_stream_start("again"));
    gst_harness_push_event(
        parser.h,
        gst_event_new_caps(
            GstPtr<GstCaps>(gst_caps_from_string("application/x-safetensors"))
                .get()));
    parser.Segment();
  }
}

}  // namespace
}  // namespace tae_test
