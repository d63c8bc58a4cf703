// latentsrc with programs that connect: nobody is held up, nobody ends it.
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <mutex>

#include "common/latent_meta.h"
#include "elements/latentsrc/stream_harness.h"
#include "elements/latentsrc/wire.h"
#include "support/patience.h"
#include "support/temp_folder.h"

namespace {

using tae_test::Eventually;
using namespace taegst::testing;

class LatentSrcStream : public ::testing::Test {
 protected:
  std::string Socket() const { return folder_.path() + "/tae.sock"; }
  std::string Location() const { return "unix:" + Socket(); }
  std::string Launch() const { return "latentsrc location=" + Location(); }

  // Why a source with these settings does not start.
  std::string ErrorOf(const std::string& settings) {
    GstElement* pipeline = gst_parse_launch(
        ("latentsrc " + settings + " ! fakesink").c_str(), nullptr);
    EXPECT_EQ(gst_element_set_state(pipeline, GST_STATE_PAUSED),
              GST_STATE_CHANGE_FAILURE);
    GstBus* bus = gst_element_get_bus(pipeline);
    GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    std::string text;
    if (message != nullptr) {
      GError* error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      text = error->message;
      g_error_free(error);
      gst_message_unref(message);
    }
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return text;
  }

  tae::TempFolder folder_;
};

TEST_F(LatentSrcStream, ProducersComeAndGo) {
  HarnessPtr h = Play(Launch());
  for (const char* gen : {"a", "b", "c"}) {
    Producer producer(Location());
    for (const char* step : {"1", "2"}) {
      EXPECT_TRUE(producer.Send(
          Message({{"gen", gen}, {"step", step}, {"space", "sd"}})));
      const taegst::LatentStep got = PullStep(h.get());
      EXPECT_EQ(got.prompt_id, gen);
      EXPECT_EQ(got.step, guint(*step - '0'));
    }
  }
}

TEST_F(LatentSrcStream, AnotherGenerationIsAnotherSegmentOfLife) {
  HarnessPtr h = Play(Launch());
  Producer producer(Location());
  producer.Send(Message({{"gen", "a"}, {"space", "sd"}, {"prompt", "a cat"}}));
  GstBuffer* first = gst_harness_pull(h.get());
  EXPECT_TRUE(GST_BUFFER_PTS_IS_VALID(first));
  producer.Send(
      Message({{"gen", "b"}, {"space", "sdxl"}, {"prompt", "a dog"}}, 1, 4, 4));
  GstBuffer* second = gst_harness_pull(h.get());
  EXPECT_EQ(gst_buffer_get_size(first), 48u);
  EXPECT_EQ(gst_buffer_get_size(second), 128u);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(second, GST_BUFFER_FLAG_DISCONT));
  GstCaps* caps = gst_pad_get_current_caps(h->sinkpad);
  const GstStructure* s = gst_caps_get_structure(caps, 0);
  EXPECT_STREQ(gst_structure_get_string(s, "variant"), "sdxl");
  std::vector<std::string> titles;
  while (GstEvent* event = gst_harness_try_pull_event(h.get())) {
    GstTagList* tags = nullptr;
    gchar* title = nullptr;
    if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
      gst_event_parse_tag(event, &tags);
      if (gst_tag_list_get_string(tags, GST_TAG_TITLE, &title))
        titles.push_back(title);
      g_free(title);
    }
    gst_event_unref(event);
  }
  EXPECT_EQ(titles, (std::vector<std::string>{"a cat", "a dog"}));
  gst_caps_unref(caps);
  gst_buffer_unref(first);
  gst_buffer_unref(second);
}

// Who changes the state has its lock and waits for the streaming thread, which
// must not wait for that lock.
TEST_F(LatentSrcStream, TagsGoOutWhileTheStateChanges) {
  HarnessPtr h = Play(Launch());
  GstElement* source = SourceOf(h.get());
  Producer producer(Location());
  GST_STATE_LOCK(source);
  producer.Send(Message({{"gen", "a"}, {"prompt", "a cat"}, {"step", "1"}}));
  EXPECT_EQ(PullStep(h.get()).step, 1u);
  GST_STATE_UNLOCK(source);
  gst_object_unref(source);
}

TEST_F(LatentSrcStream, WhoDiesInsideAMessageCostsOneWarning) {
  HarnessPtr h = Play(Launch());
  GstElement* source = SourceOf(h.get());
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(source, bus);
  {
    Producer dying(Location());
    const std::string message = Message({{"step", "1"}});
    dying.Send(message);
    PullStep(h.get());
    dying.Send(message.substr(0, message.size() - 5));
  }
  ASSERT_TRUE(Eventually([&] { return Stat(source, "failures") == 1; }));
  {
    Producer hostile(Location());
    hostile.Send("this is no latent at all, it never was");
  }
  ASSERT_TRUE(Eventually([&] { return Stat(source, "failures") == 2; }));
  Producer next(Location());
  next.Send(Message({{"step", "7"}}));
  EXPECT_EQ(PullStep(h.get()).step, 7u);
  const std::vector<std::string> warnings = Warnings(bus);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_NE(warnings[0].find("after 1 latents"), std::string::npos)
      << warnings[0];
  EXPECT_NE(warnings[0].find("truncated"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[1].find(Location()), std::string::npos) << warnings[1];
  gst_element_set_bus(source, nullptr);
  gst_object_unref(bus);
  gst_object_unref(source);
}

// A sink that takes nothing until it is told to.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int frames = 0;
  bool final = false;

  void Open() {
    std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  void Pass(GstBuffer* buffer) {
    const auto step = taegst::GetLatentStep(buffer);
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return open; });
    ++frames;
    if (step && step->final) final = true;
  }
  bool Saw(bool Gate::*what) {
    std::lock_guard lock(mutex);
    return this->*what;
  }
};

// The decoder waits for the sender's end, so a sender that waited for the
// decoder would wait for ever.
TEST_F(LatentSrcStream, ASlowDecoderHoldsNobodyUp) {
  constexpr int kSends = 100;
  GstElement* pipeline = gst_parse_launch(
      (Launch() + " name=s ! identity name=slow ! fakesink").c_str(), nullptr);
  Gate gate;
  GstElement* slow = gst_bin_get_by_name(GST_BIN(pipeline), "slow");
  GstPad* pad = gst_element_get_static_pad(slow, "sink");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer gate) {
        static_cast<Gate*>(gate)->Pass(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
      },
      &gate, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  Producer producer(Location());
  // 512x512 pixels of FLUX.2: as many bytes.
  for (int i = 1; i <= kSends; ++i) {
    tae::LatentMetadata said = {{"step", std::to_string(i)}};
    if (i == kSends) said["final"] = "true";
    ASSERT_TRUE(producer.Send(Message(said, 0, 128, 256)));
  }
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "s");
  EXPECT_TRUE(Eventually([&] { return Stat(source, "received") == kSends; }));
  gate.Open();
  EXPECT_TRUE(Eventually([&] { return gate.Saw(&Gate::final); }));
  EXPECT_EQ(Stat(source, "dropped") + guint64(gate.frames), guint64(kSends));
  EXPECT_GE(Stat(source, "dropped"), guint64(kSends - 2));
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (GstObject* object : {GST_OBJECT(source), GST_OBJECT(pad),
                            GST_OBJECT(slow), GST_OBJECT(pipeline)})
    gst_object_unref(object);
}

TEST_F(LatentSrcStream, TcpListensAtLoopbackUnlessAskedOtherwise) {
  HarnessPtr h = Play("latentsrc location=tcp://127.0.0.1:0");
  const std::string address = AddressOf(h.get());
  ASSERT_TRUE(address.starts_with("tcp://127.0.0.1:")) << address;
  Producer producer(address);
  producer.Send(Message({{"step", "3"}}));
  EXPECT_EQ(PullStep(h.get()).step, 3u);
  EXPECT_NE(ErrorOf("location=tcp://0.0.0.0:0").find("allow-remote"),
            std::string::npos);
  HarnessPtr open =
      Play("latentsrc location=tcp://0.0.0.0:0 allow-remote=true");
  EXPECT_TRUE(AddressOf(open.get()).starts_with("tcp://0.0.0.0:"));
  EXPECT_NE(ErrorOf("location=tcp://127.0.0.1").find("found no port"),
            std::string::npos);
}

TEST_F(LatentSrcStream, OnlyADeadSocketIsReplaced) {
  std::ofstream(Socket()) << "somebody's file";
  EXPECT_NE(ErrorOf("location=" + Location()).find("no socket"),
            std::string::npos);
  unlink(Socket().c_str());
  {
    HarnessPtr first = Play(Launch());
    struct stat info;
    ASSERT_EQ(stat(Socket().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_NE(ErrorOf("location=" + Location()).find("another program"),
              std::string::npos);
  }
  EXPECT_NE(access(Socket().c_str(), F_OK), 0) << "left behind";
  // What a program that was killed leaves.
  GSocket* dead = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                               G_SOCKET_PROTOCOL_DEFAULT, nullptr);
  GSocketAddress* address = g_unix_socket_address_new(Socket().c_str());
  ASSERT_TRUE(g_socket_bind(dead, address, TRUE, nullptr));
  g_object_unref(address);
  g_object_unref(dead);
  ASSERT_EQ(access(Socket().c_str(), F_OK), 0);
  HarnessPtr again = Play(Launch());
  Producer producer(Location());
  producer.Send(Message({{"step", "1"}}));
  EXPECT_EQ(PullStep(again.get()).step, 1u);
}

TEST_F(LatentSrcStream, StandardInputEndsTheStream) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDIN_FILENO);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  const std::string message = Message({{"step", "5"}, {"final", "true"}});
  ASSERT_EQ(write(ends[1], message.data(), message.size()),
            ssize_t(message.size()));
  close(ends[1]);
  HarnessPtr h = Play("latentsrc location=-");
  EXPECT_EQ(PullStep(h.get()).step, 5u);
  bool ended = false;
  while (!ended) {
    GstEvent* event = gst_harness_pull_event(h.get());
    if (event == nullptr) break;
    ended = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(ended);
  dup2(saved, STDIN_FILENO);
  close(saved);
}

TEST_F(LatentSrcStream, EndsAtOnceWhileItWaits) {
  for (int i = 0; i < 20; ++i) {
    GstElement* pipeline =
        gst_parse_launch((Launch() + " ! fakesink").c_str(), nullptr);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    if (i % 2) g_usleep(2000);
    EXPECT_EQ(gst_element_set_state(pipeline, GST_STATE_NULL),
              GST_STATE_CHANGE_SUCCESS);
    gst_object_unref(pipeline);
  }
}

}  // namespace
