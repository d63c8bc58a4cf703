// latentsrc with many programs, wrong ones among them: none of them keeps
// another one out, or ends the stream.
#include <fcntl.h>
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "elements/latentsrc/stream_harness.h"
#include "elements/latentsrc/wire.h"
#include "support/patience.h"
#include "support/temp_folder.h"

namespace {

using tae_test::Eventually;
using namespace taegst::testing;

class LatentSrcCrowd : public ::testing::Test {
 protected:
  std::string Location() const {
    return "unix:" + folder_.path() + "/tae.sock";
  }

  // A source behind a harness, with a bus for its warnings.
  void Start(const std::string& settings = "", const std::string& then = "") {
    harness_ = Play("latentsrc location=" + Location() + " " + settings + then);
    source_ = SourceOf(harness_.get());
    bus_ = gst_bus_new();
    gst_element_set_bus(source_, bus_);
  }
  void TearDown() override {
    if (source_ == nullptr) return;
    gst_element_set_bus(source_, nullptr);
    harness_.reset();
    gst_object_unref(bus_);
    gst_object_unref(source_);
  }
  std::unique_ptr<Producer> Connect() const {
    return std::make_unique<Producer>(Location());
  }
  guint Step() { return PullStep(harness_.get()).step.value_or(0); }

  tae::TempFolder folder_;
  HarnessPtr harness_;
  GstElement* source_ = nullptr;
  GstBus* bus_ = nullptr;
};

bool Says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(LatentSrcCrowd, WhoSendsNothingMakesRoom) {
  Start();
  std::vector<std::unique_ptr<Producer>> silent;
  for (int i = 0; i < 16; ++i) silent.push_back(Connect());
  ASSERT_TRUE(Eventually([&] { return Stat(source_, "connections") == 16; }));
  for (guint i = 1; i <= 3; ++i) {
    const auto next = Connect();
    next->Send(Message({{"step", std::to_string(i)}}));
    EXPECT_EQ(Step(), i);
  }
  EXPECT_GE(Stat(source_, "evicted"), 1u);
  const std::vector<std::string> warnings = Warnings(bus_);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(Says(warnings[0], "never sent a latent")) << warnings[0];
  EXPECT_TRUE(Says(warnings[0], "process " + std::to_string(getpid())))
      << warnings[0];
}

// A sender that a script makes for each image keeps its connection.
TEST_F(LatentSrcCrowd, FinishedRunsMakeRoom) {
  Start();
  std::vector<std::unique_ptr<Producer>> runs;
  for (guint i = 1; i <= 40; ++i) {
    runs.push_back(Connect());
    runs.back()->Send(Message({{"step", std::to_string(i)}, {"final", "1"}}));
    EXPECT_EQ(Step(), i);
  }
  EXPECT_EQ(Stat(source_, "evicted"), 24u);
  EXPECT_EQ(Warnings(bus_).size(), 1u);
}

// Takes all descriptors that the process may have, but for `left`.
class NoDescriptors {
 public:
  explicit NoDescriptors(int left) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 256);
    setrlimit(RLIMIT_NOFILE, &low);
    for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;) taken_.push_back(fd);
    for (; left > 0; --left) GiveBack();
  }
  ~NoDescriptors() {
    while (!taken_.empty()) GiveBack();
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  void GiveBack() {
    close(taken_.back());
    taken_.pop_back();
  }

 private:
  rlimit before_;
  std::vector<int> taken_;
};

// Connects with one descriptor.
int ConnectTo(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
      0);
  return fd;
}

guint64 CpuTime() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return GST_TIMESPEC_TO_TIME(time);
}

TEST_F(LatentSrcCrowd, WithoutDescriptorsItSaysSoAndWaits) {
  Start();
  const std::string path = Location().substr(5);
  NoDescriptors none(1);
  // One more is let in for the descriptor that was kept back.
  const int first = ConnectTo(path);
  const std::string one = Message({{"step", "1"}});
  ASSERT_EQ(write(first, one.data(), one.size()), ssize_t(one.size()));
  EXPECT_EQ(Step(), 1u);
  none.GiveBack();
  const int second = ConnectTo(path);
  const std::string two = Message({{"step", "2"}});
  ASSERT_EQ(write(second, two.data(), two.size()), ssize_t(two.size()));
  // Waiting costs no CPU time: of another program's there is none in here.
  const guint64 before = CpuTime();
  constexpr guint64 kWait = GST_SECOND;
  g_usleep(GST_TIME_AS_USECONDS(kWait));
  EXPECT_LT(CpuTime() - before, kWait / 4);
  EXPECT_EQ(Stat(source_, "received"), 1u);
  none.GiveBack();
  none.GiveBack();
  EXPECT_EQ(Step(), 2u);
  const std::vector<std::string> warnings = Warnings(bus_);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(Says(warnings[0], "Too many open files")) << warnings[0];
  close(first);
  close(second);
}

TEST_F(LatentSrcCrowd, AMessageThatCannotBeShownCostsItselfOnly) {
  Start();
  const auto producer = Connect();
  for (int i = 0; i < 3; ++i)
    producer->Send(Message({{"space", "sd9"}, {"gen", "mine"}}));
  producer->Send(MessageOf({1, 4, 1, 9000}, {}));
  producer->Send(Message({{"space", "flux1"}}));
  producer->Send(Message({{"step", "7"}, {"space", "sd"}}));
  EXPECT_EQ(Step(), 7u);
  EXPECT_EQ(Stat(source_, "failures"), 5u);
  const std::vector<std::string> warnings = Warnings(bus_);
  ASSERT_EQ(warnings.size(), 3u) << "the same three times is said once";
  EXPECT_TRUE(Says(warnings[0], "sd9")) << warnings[0];
  EXPECT_TRUE(Says(warnings[0], "'mine'")) << warnings[0];
  EXPECT_TRUE(Says(warnings[0], "process " + std::to_string(getpid())))
      << warnings[0];
  EXPECT_TRUE(Says(warnings[1], "9000")) << warnings[1];
  EXPECT_TRUE(Says(warnings[2], "flux1")) << warnings[2];
}

TEST_F(LatentSrcCrowd, CapsThatNobodyTakesDoNotEndTheStream) {
  Start("", " ! capsfilter caps=video/x-latent,channels=4");
  const auto producer = Connect();
  // Final ones: no newer one takes their place.
  const std::string other = MessageOf({1, 16, 2, 3}, {{"final", "1"}});
  producer->Send(other + other + other);
  producer->Send(Message({{"step", "1"}}));
  EXPECT_EQ(Step(), 1u);
  producer->Send(other);
  producer->Send(Message({{"step", "2"}}));
  EXPECT_EQ(Step(), 2u);
  const std::vector<std::string> warnings = Warnings(bus_);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(Says(warnings[0], "channels=(int)16")) << warnings[0];
  EXPECT_TRUE(Says(warnings[0], "process ")) << warnings[0];
}

GstPadEventFunction next_event_function;

// Refuses caps that it said it would accept.
gboolean RefuseSixteenChannels(GstPad* pad, GstObject* parent,
                               GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    gint channels = 0;
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "channels",
                          &channels);
    if (channels == 16) {
      gst_event_unref(event);
      return FALSE;
    }
  }
  return next_event_function(pad, parent, event);
}

TEST_F(LatentSrcCrowd, CapsThatAreRefusedLateDoNotEndTheStreamEither) {
  Start("", " ! identity");
  GstElement* identity = gst_harness_find_element(harness_.get(), "identity");
  GstPad* pad = gst_element_get_static_pad(identity, "sink");
  next_event_function = GST_PAD_EVENTFUNC(pad);
  gst_pad_set_event_function(pad, RefuseSixteenChannels);
  const auto producer = Connect();
  producer->Send(Message({{"step", "1"}}));
  EXPECT_EQ(Step(), 1u);
  for (guint i = 2; i <= 4; ++i) {
    producer->Send(MessageOf({1, 16, 2, 3}, {{"final", "1"}}));
    producer->Send(Message({{"step", std::to_string(i)}, {"final", "1"}}));
    EXPECT_EQ(Step(), i);
  }
  const std::vector<std::string> warnings = Warnings(bus_);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(Says(warnings[0], "channels=(int)16")) << warnings[0];
  gst_object_unref(pad);
  gst_object_unref(identity);
}

TEST_F(LatentSrcCrowd, RubbishWithoutEndIsSaidWithinBounds) {
  Start();
  for (int i = 0; i < 60; ++i) Connect()->Send("this is no latent");
  ASSERT_TRUE(Eventually([&] { return Stat(source_, "failures") == 60; }));
  const auto producer = Connect();
  producer->Send(Message({{"step", "1"}}));
  EXPECT_EQ(Step(), 1u);
  EXPECT_LT(Warnings(bus_).size(), 60u);
}

TEST_F(LatentSrcCrowd, ABatchIsOneBuffer) {
  Start();
  const auto producer = Connect();
  producer->Send(MessageOf({3, 4, 2, 5}, {{"space", "sd"}}, 1));
  GstBuffer* buffer = gst_harness_pull(harness_.get());
  ASSERT_NE(buffer, nullptr);
  EXPECT_EQ(gst_buffer_get_size(buffer), 3u * 4 * 2 * 5 * 2);
  gst_buffer_unref(buffer);
  GstCaps* caps = gst_pad_get_current_caps(harness_->sinkpad);
  gint batch = 0;
  EXPECT_TRUE(
      gst_structure_get_int(gst_caps_get_structure(caps, 0), "batch", &batch));
  EXPECT_EQ(batch, 3);
  gst_caps_unref(caps);
  producer->Send(MessageOf({65, 4, 2, 5}, {{"space", "sd"}}, 1));
  ASSERT_TRUE(Eventually([&] { return Stat(source_, "failures") == 1; }));
  EXPECT_TRUE(Says(Warnings(bus_).at(0), "holds 65 latents"));
}

TEST_F(LatentSrcCrowd, HeadersHaveALimitOfTheirOwn) {
  Start("max-header-size=2000");
  Connect()->Send(Message({{"workflow", std::string(4000, 'x')}}));
  ASSERT_TRUE(Eventually([&] { return Stat(source_, "failures") == 1; }));
  TearDown();
  Start();
  const auto producer = Connect();
  producer->Send(
      Message({{"workflow", std::string(3 << 20, 'x')}, {"step", "5"}}));
  EXPECT_EQ(Step(), 5u);
}

TEST_F(LatentSrcCrowd, EveryLatentComesWhereThatIsAskedFor) {
  constexpr int kSends = 300;
  GstElement* pipeline = gst_parse_launch(
      ("latentsrc name=s keep-all=true max-backlog=200000 location=" +
       Location() + " ! appsink name=k sync=false max-buffers=1")
          .c_str(),
      nullptr);
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "s");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "k");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::thread sender([&] {
    Producer producer(Location());
    // 64 KiB each: many more than may wait here and in the socket.
    for (int i = 1; i <= kSends; ++i)
      EXPECT_TRUE(
          producer.Send(Message({{"step", std::to_string(i)}}, 0, 64, 128)));
  });
  // The sender is held up before anything is taken.
  EXPECT_TRUE(Eventually([&] { return Stat(source, "waiting") >= 4; }));
  int came = 0;
  for (int i = 1; i <= kSends; ++i) {
    GstSample* sample = nullptr;
    g_signal_emit_by_name(sink, "pull-sample", &sample);
    ASSERT_NE(sample, nullptr);
    came += int(taegst::GetLatentStep(gst_sample_get_buffer(sample))->step ==
                guint(i));
    gst_sample_unref(sample);
  }
  EXPECT_EQ(came, kSends);
  sender.join();
  EXPECT_EQ(Stat(source, "dropped"), 0u);
  EXPECT_EQ(Stat(source, "received"), guint64(kSends));
  GstBus* bus = gst_element_get_bus(pipeline);
  const std::vector<std::string> warnings = Warnings(bus);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(Says(warnings[0], "max-backlog")) << warnings[0];
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (GstElement* element : {source, sink, pipeline})
    gst_object_unref(element);
}

// What Ctrl-C does to a recording (gst-launch-1.0 -e).
TEST_F(LatentSrcCrowd, WhatCameBeforeTheEndIsPassedOnWhereAllIsKept) {
  constexpr guint kSends = 30;
  GstElement* pipeline = gst_parse_launch(
      ("latentsrc name=s keep-all=true location=" + Location() +
       " ! appsink name=k sync=false max-buffers=1")
          .c_str(),
      nullptr);
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "s");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "k");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  const auto producer = Connect();
  std::string run;
  for (guint i = 1; i <= kSends; ++i)
    run += Message({{"step", std::to_string(i)}});
  producer->Send(run);
  EXPECT_TRUE(Eventually([&] { return Stat(source, "connections") == 1; }));
  EXPECT_TRUE(gst_element_send_event(pipeline, gst_event_new_eos()));
  guint came = 0;
  GstSample* sample = nullptr;
  for (;; ++came) {
    g_signal_emit_by_name(sink, "pull-sample", &sample);
    if (sample == nullptr) break;
    gst_sample_unref(sample);
  }
  EXPECT_EQ(came, kSends);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (GstElement* element : {source, sink, pipeline})
    gst_object_unref(element);
}

TEST_F(LatentSrcCrowd, DroppedLatentsAreSaidInAMessage) {
  Start();
  const auto producer = Connect();
  gst_harness_set_blocking_push_mode(harness_.get());
  std::string run;
  for (int i = 1; i <= 50; ++i)
    run +=
        Message({{"step", std::to_string(i)}, {"final", i == 50 ? "1" : ""}});
  producer->Send(run);
  ASSERT_TRUE(Eventually([&] { return Stat(source_, "received") == 50; }));
  while (Step() != 50u) continue;
  const guint64 dropped = Stat(source_, "dropped");
  EXPECT_GT(dropped, 0u);
  guint64 said = 0;
  while (GstMessage* message = gst_bus_pop_filtered(bus_, GST_MESSAGE_QOS)) {
    GstFormat format;
    gst_message_parse_qos_stats(message, &format, nullptr, &said);
    EXPECT_EQ(format, GST_FORMAT_BUFFERS);
    gst_message_unref(message);
  }
  EXPECT_EQ(said, dropped);
}

bool CanBindTo(const char* address) {
  GSocketAddress* place = g_inet_socket_address_new_from_string(address, 0);
  GSocket* socket =
      g_socket_new(g_socket_address_get_family(place), G_SOCKET_TYPE_STREAM,
                   G_SOCKET_PROTOCOL_DEFAULT, nullptr);
  const bool can =
      socket != nullptr && g_socket_bind(socket, place, FALSE, nullptr);
  g_clear_object(&socket);
  g_object_unref(place);
  return can;
}

TEST_F(LatentSrcCrowd, ANameIsAllItsAddresses) {
  HarnessPtr h = Play("latentsrc location=tcp://localhost:0");
  const std::string address = AddressOf(h.get());
  const std::string port = address.substr(address.rfind(':'));
  guint step = 0;
  for (const char* host : {"127.0.0.1", "::1"}) {
    if (!CanBindTo(host)) continue;
    const std::string name = host[0] == ':' ? "[::1]" : host;
    Producer producer("tcp://" + name + port);
    producer.Send(Message({{"step", std::to_string(++step)}}));
    EXPECT_EQ(PullStep(h.get()).step, step) << host;
  }
  EXPECT_GE(step, 1u);
}

TEST_F(LatentSrcCrowd, WithoutAPathItIsTheUsersOwnSocket) {
  const char* before = g_getenv("XDG_RUNTIME_DIR");
  const std::string saved = before ? before : "";
  g_setenv("XDG_RUNTIME_DIR", folder_.path().c_str(), TRUE);
  {
    HarnessPtr h = Play("latentsrc location=unix:");
    EXPECT_EQ(AddressOf(h.get()), Location());
    Producer producer(Location());
    producer.Send(Message({{"step", "1"}}));
    EXPECT_EQ(PullStep(h.get()).step, 1u);
  }
  if (before)
    g_setenv("XDG_RUNTIME_DIR", saved.c_str(), TRUE);
  else
    g_unsetenv("XDG_RUNTIME_DIR");
}

}  // namespace
