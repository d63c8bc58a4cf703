// Latents through sockets, pipes, files and programs: the pictures at the far
// end equal those decoded where the latents were made.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "support/latent_run.h"
#include "support/temp_folder.h"

namespace tae_test {
namespace {

constexpr char kDecode[] =
    " ! latentparse ! taedecode ! video/x-raw,format=RGB ! appsink name=out";

class Trip : public ::testing::Test {
 protected:
  void SetUp() override {
    latents_ = DemoLatents(8, 64);
    frames_ = Through(latents_,
                      "appsrc name=in ! taedecode ! video/x-raw,format=RGB ! "
                      "appsink name=out");
    ASSERT_EQ(frames_.size(), latents_.size());
  }

  // What matters of frames that came through a stream without times.
  void ExpectFrames(const std::vector<Latent>& came) {
    ASSERT_EQ(came.size(), frames_.size());
    for (size_t i = 0; i < came.size(); ++i) {
      EXPECT_EQ(came[i].bytes, frames_[i].bytes) << i;
      EXPECT_EQ(came[i].step, frames_[i].step) << i;
      EXPECT_EQ(came[i].pts, frames_[i].pts) << i;
    }
  }

  std::vector<Latent> latents_;
  std::vector<Latent> frames_;
};

TEST_F(Trip, TcpWhereTheReceiverListens) {
  std::vector<Latent> came;
  Pipeline receiver(std::string("tcpserversrc name=net port=0") + kDecode);
  Collect(&receiver, &came);
  receiver.Play();
  int port = 0;
  ASSERT_TRUE(Eventually(
      [&] { return (port = receiver.Int("net", "current-port")) > 0; }));
  Pipeline sender("appsrc name=in ! latentmux ! tcpclientsink port=" +
                  std::to_string(port));
  sender.Play();
  Feed(&sender, latents_);
  EXPECT_TRUE(sender.Wait().eos);
  sender.Stop();
  EXPECT_TRUE(receiver.Wait().eos);
  ExpectFrames(came);
}

TEST_F(Trip, TcpWhereTheSenderListens) {
  Pipeline sender("appsrc name=in ! latentmux ! tcpserversink name=net port=0");
  std::atomic<bool> joined{false};
  g_signal_connect(sender.Named("net").get(), "client-added",
                   G_CALLBACK(+[](GstElement*, GObject*,
                                  std::atomic<bool>* flag) { *flag = true; }),
                   &joined);
  sender.Play();
  int port = 0;
  ASSERT_TRUE(Eventually(
      [&] { return (port = sender.Int("net", "current-port")) > 0; }));
  std::vector<Latent> came;
  Pipeline receiver("tcpclientsrc port=" + std::to_string(port) + kDecode);
  Collect(&receiver, &came);
  receiver.Play();
  ASSERT_TRUE(Eventually([&] { return joined.load(); }));
  Feed(&sender, latents_);
  EXPECT_TRUE(sender.Wait().eos);
  // The sink keeps its clients until it stops, and then forgets what waits.
  const guint64 size = Record(latents_).size();
  guint64 served = 0;
  EXPECT_TRUE(Eventually([&] {
    g_object_get(sender.Named("net").get(), "bytes-served", &served, nullptr);
    return served >= size;
  }));
  EXPECT_EQ(served, size);
  sender.Stop();
  EXPECT_TRUE(receiver.Wait().eos);
  ExpectFrames(came);
}

TEST_F(Trip, Pipe) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  std::vector<Latent> came;
  Pipeline receiver("fdsrc fd=" + std::to_string(ends[0]) + kDecode);
  Collect(&receiver, &came);
  receiver.Play();
  Pipeline sender("appsrc name=in ! latentmux ! fdsink fd=" +
                  std::to_string(ends[1]));
  sender.Play();
  Feed(&sender, latents_);
  EXPECT_TRUE(sender.Wait().eos);
  close(ends[1]);
  EXPECT_TRUE(receiver.Wait().eos);
  close(ends[0]);
  ExpectFrames(came);
}

TEST_F(Trip, File) {
  tae::TempFolder folder;
  const std::string location = " location=" + folder.path() + "/run";
  Pipeline sender("appsrc name=in ! latentmux ! filesink" + location);
  sender.Play();
  Feed(&sender, latents_);
  ASSERT_TRUE(sender.Wait().eos);
  sender.Stop();
  ExpectFrames(Play("filesrc" + location + kDecode));
  ExpectFrames(
      Play("filesrc blocksize=1000" + location + " ! queue" + kDecode));
}

TEST_F(Trip, AFileForEachStep) {
  tae::TempFolder folder;
  const std::string location = " location=" + folder.path() + "/s_%03d.latent";
  Pipeline sender("appsrc name=in ! latentmux ! multifilesink" + location);
  sender.Play();
  Feed(&sender, latents_);
  ASSERT_TRUE(sender.Wait().eos);
  sender.Stop();
  ExpectFrames(
      Play("multifilesrc caps=application/x-safetensors" + location + kDecode));
}

TEST_F(Trip, AProgramThatPushesBytes) {
  const std::string bytes = Record(latents_);
  for (const size_t piece : {size_t{1} << 20, size_t{4096}, size_t{997}}) {
    std::vector<Latent> came;
    Pipeline receiver(std::string("appsrc name=in format=bytes "
                                  "caps=application/x-safetensors") +
                      kDecode);
    Collect(&receiver, &came);
    receiver.Play();
    const GstPtr<GstElement> source = receiver.Named("in");
    auto* app = GST_APP_SRC(source.get());
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const size_t size = std::min(piece, bytes.size() - at);
      gst_app_src_push_buffer(app,
                              gst_buffer_new_memdup(bytes.data() + at, size));
    }
    gst_app_src_end_of_stream(app);
    EXPECT_TRUE(receiver.Wait().eos);
    ExpectFrames(came);
  }
}

// A live run that is watched and recorded at once.
TEST_F(Trip, WatchedAndRecorded) {
  tae::TempFolder folder;
  const std::string location = " location=" + folder.path() + "/run";
  const auto watched = Through(
      latents_,
      "appsrc name=in ! tee name=t ! queue ! taedecode ! "
      "video/x-raw,format=RGB ! appsink name=out t. ! queue ! latentmux ! "
      "filesink" +
          location);
  ExpectFrames(watched);
  ExpectFrames(Play("filesrc" + location + kDecode));
}

}  // namespace
}  // namespace tae_test
