// Recordings as files: duration, exact seeking, backwards, autoplugging.
#include <gst/base/gsttypefindhelper.h>

#include <random>
#include <utility>

#include "support/latent_bytes.h"
#include "support/latent_run.h"
#include "support/shared_data.h"
#include "support/temp_folder.h"

namespace tae_test {
namespace {

constexpr int kLatents = 30;
constexpr GstClockTime kStep = 100 * GST_MSECOND;

class Recording : public ::testing::Test {
 protected:
  void SetUp() override {
    latents_ = DemoLatents(kLatents, 64);
    path_ = Write("run.safetensors", Record(latents_));
  }
  std::string Write(const std::string& name, const std::string& bytes) {
    return folder_.Write(name, {bytes.begin(), bytes.end()});
  }
  std::string Source() const { return "filesrc location=" + path_ + " ! "; }

  tae::TempFolder folder_;
  std::vector<Latent> latents_;
  std::string path_;
};

TEST_F(Recording, ReplaysBitForBit) {
  EXPECT_EQ(Play(Source() + "latentparse ! appsink name=out"), latents_);
  EXPECT_EQ(Play(Source() + "queue ! latentparse ! appsink name=out"),
            latents_);
}

TEST_F(Recording, KnowsItsDuration) {
  Pipeline pipeline(Source() + "latentparse ! fakesink name=out");
  pipeline.Pause();
  gint64 duration = 0;
  ASSERT_TRUE(
      gst_element_query_duration(pipeline.get(), GST_FORMAT_TIME, &duration));
  EXPECT_EQ(GstClockTime(duration), kLatents * kStep);
  const GstPtr<GstQuery> seeking(gst_query_new_seeking(GST_FORMAT_TIME));
  ASSERT_TRUE(gst_element_query(pipeline.get(), seeking.get()));
  gboolean seekable = FALSE;
  gst_query_parse_seeking(seeking.get(), nullptr, &seekable, nullptr, nullptr);
  EXPECT_TRUE(seekable);
}

// The latent that a paused pipeline shows.
Latent Preroll(Pipeline* pipeline) {
  gst_element_get_state(pipeline->get(), nullptr, nullptr, kPatience);
  GstSample* sample =
      gst_app_sink_pull_preroll(GST_APP_SINK(pipeline->Named("out").get()));
  if (sample == nullptr) return {};
  const Latent latent =
      LatentOf(gst_sample_get_buffer(sample), gst_sample_get_caps(sample));
  gst_sample_unref(sample);
  return latent;
}

TEST_F(Recording, SeeksToTheExactLatent) {
  Pipeline pipeline(Source() + "latentparse ! appsink name=out");
  pipeline.Pause();
  EXPECT_EQ(Preroll(&pipeline), latents_[0]);
  for (const int flags : {int(GST_SEEK_FLAG_ACCURATE), 0})
    for (const int target : {17, 3, 29, 0, 28, 1}) {
      for (const GstClockTime offset : {GstClockTime{0}, kStep / 2}) {
        ASSERT_TRUE(
            gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME,
                                    GstSeekFlags(GST_SEEK_FLAG_FLUSH | flags),
                                    gint64(guint64(target) * kStep + offset)));
        EXPECT_EQ(Preroll(&pipeline), latents_[size_t(target)]) << target;
      }
    }
}

TEST_F(Recording, SeeksThroughAQueueLandOnAMessage) {
  Pipeline pipeline(Source() + "queue ! latentparse ! appsink name=out");
  pipeline.Pause();
  for (const int target : {12, 4, 25, 0}) {
    ASSERT_TRUE(gst_element_seek_simple(
        pipeline.get(), GST_FORMAT_TIME,
        GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
        gint64(guint64(target) * kStep)));
    const Latent latent = Preroll(&pipeline);
    EXPECT_EQ(latent.pts, guint64(target) * kStep);
    EXPECT_EQ(latent, latents_[size_t(target)]) << target;
  }
}

// Backwards from the end of the tenth latent to the begin of the sixth.
void ExpectBackwards(const std::string& source) {
  std::vector<Latent> shown;
  Pipeline pipeline(source +
                    "latentparse ! taedecode method=linear variant=flux2 ! "
                    "appsink name=out");
  Collect(&pipeline, &shown);
  pipeline.Pause();
  ASSERT_TRUE(gst_element_seek(
      pipeline.get(), -1, GST_FORMAT_TIME,
      GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
      GST_SEEK_TYPE_SET, 5 * kStep, GST_SEEK_TYPE_SET, 10 * kStep));
  gst_element_get_state(pipeline.get(), nullptr, nullptr, kPatience);
  shown.clear();
  pipeline.Play();
  const Outcome outcome = pipeline.Wait();
  EXPECT_TRUE(outcome.eos) << (outcome.errors.empty() ? "" : outcome.errors[0]);
  ASSERT_GE(shown.size(), 5u);
  for (size_t i = 1; i < shown.size(); ++i)
    EXPECT_EQ(shown[i].pts + kStep, shown[i - 1].pts);
}

TEST_F(Recording, PlaysBackwards) { ExpectBackwards(Source()); }

// Above the megabyte by which the base class reads backwards.
TEST_F(Recording, PlaysLargeLatentsBackwards) {
  const auto large = Play(
      "latentsrc num-buffers=12 width=1024 height=1024 ! "
      "video/x-latent,format=F32LE ! appsink name=out");
  ExpectBackwards("filesrc location=" + Write("large", Record(large)) + " ! ");
}

// Seeks at any time, from any state of the stream; then all is played.
TEST_F(Recording, SurvivesAStormOfSeeks) {
  for (const char* queue : {"", "queue ! "}) {
    std::mt19937 random(3);
    std::vector<Latent> shown;
    Pipeline pipeline(Source() + queue + "latentparse ! appsink name=out");
    Collect(&pipeline, &shown);
    pipeline.Pause();
    for (int i = 0; i < 200; ++i) {
      if (i % 20 == 0) i % 40 == 0 ? pipeline.Play() : pipeline.Pause();
      gst_element_seek_simple(
          pipeline.get(), GST_FORMAT_TIME,
          GstSeekFlags(GST_SEEK_FLAG_FLUSH |
                       (random() % 2 ? GST_SEEK_FLAG_ACCURATE : 0)),
          gint64(random() % (kLatents * kStep)));
    }
    pipeline.Pause();
    ASSERT_TRUE(gst_element_seek_simple(
        pipeline.get(), GST_FORMAT_TIME,
        GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE), 0));
    gst_element_get_state(pipeline.get(), nullptr, nullptr, kPatience);
    shown.clear();
    pipeline.Forget();  // the ends that were reached on the way
    pipeline.Play();
    const Outcome outcome = pipeline.Wait();
    EXPECT_TRUE(outcome.eos)
        << (outcome.errors.empty() ? "" : outcome.errors[0]);
    EXPECT_TRUE(outcome.warnings.empty());
    EXPECT_EQ(shown.back(), latents_.back());
  }
}

TEST_F(Recording, IsPlayedAgainByTheSamePipeline) {
  std::vector<Latent> shown;
  Pipeline pipeline(Source() + "latentparse ! appsink name=out");
  Collect(&pipeline, &shown);
  for (int i = 0; i < 5; ++i) {
    shown.clear();
    EXPECT_TRUE(pipeline.Run().eos);
    EXPECT_EQ(shown, latents_);
  }
}

// What a player shows. On a busy machine playbin3 of 1.22 sometimes starts
// without ever getting a frame (of JPEG files too): it gets some attempts.
std::vector<Latent> PlayIn(const std::string& player) {
  std::vector<Latent> frames;
  for (int attempt = 0; attempt < 8; ++attempt) {
    Pipeline pipeline(player);
    Collect(&pipeline, &frames);
    pipeline.Play();
    const Outcome outcome = pipeline.Wait(60 * GST_SECOND);
    pipeline.Stop();
    if (outcome.eos) break;
    for (const std::string& error : outcome.errors) EXPECT_EQ(error, "timeout");
    frames.clear();
  }
  return frames;
}

TEST_F(Recording, PlaysInEveryPlayer) {
  const std::string uri = "uri=file://" + path_;
  for (const std::string& player :
       {Source() + "decodebin ! video/x-raw ! appsink name=out",
        Source() + "decodebin3 ! video/x-raw ! appsink name=out",
        Source() + "parsebin ! taedecode ! appsink name=out",
        "uridecodebin3 " + uri + " ! video/x-raw ! appsink name=out",
        "playbin " + uri + " video-sink=\"appsink name=out sync=false\"",
        "playbin3 " + uri + " video-sink=\"appsink name=out sync=false\""}) {
    const auto frames = PlayIn(player);
    ASSERT_EQ(frames.size(), size_t{kLatents}) << player;
    EXPECT_NE(frames[0].caps.find("width=(int)64"), std::string::npos);
    taegst::LatentStep step = frames[7].step;
    EXPECT_FALSE(std::exchange(step.rung, "").empty());  // by the decoder
    EXPECT_EQ(step, latents_[7].step) << player;
    EXPECT_EQ(frames[7].pts, latents_[7].pts) << player;
  }
}

TEST_F(Recording, ATornTailIsOneWarning) {
  std::string bytes = Record(latents_);
  bytes.resize(bytes.size() - 100);
  for (const char* queue : {"", "queue ! "}) {
    Outcome outcome;
    const auto shown =
        Play("filesrc location=" + Write("torn.safetensors", bytes) + " ! " +
                 queue + "latentparse name=p ! appsink name=out",
             &outcome);
    EXPECT_TRUE(outcome.eos);
    EXPECT_EQ(outcome.warnings.size(), 1u);
    EXPECT_EQ(shown, std::vector<Latent>(latents_.begin(), latents_.end() - 1));
  }
}

// What is right for live input is not for a file: it ends with an error.
TEST_F(Recording, AFileEndsAtALatentThatCannotBeShown) {
  std::string bytes = Record(latents_);
  const std::string other = tae::testing::Safetensors(
      R"({"__metadata__":{"space":"xy"},"latent":{"dtype":"F16",)"
      R"("shape":[1,4,1,1],"data_offsets":[0,8]}})",
      "12345678");
  Outcome outcome;
  const auto shown =
      Play("filesrc location=" + Write("other.safetensors", bytes + other) +
               " ! latentparse ! appsink name=out",
           &outcome);
  ASSERT_EQ(outcome.errors.size(), 1u);
  EXPECT_NE(outcome.errors[0].find("'xy'"), std::string::npos)
      << outcome.errors[0];
}

TEST_F(Recording, AFileMayHaveALongHeader) {
  const std::string message = tae::testing::Safetensors(
      R"({"__metadata__":{"workflow":")" + std::string(20 << 20, 'x') +
          R"("},"latent":{"dtype":"F16","shape":[1,4,1,1],)" +
          R"("data_offsets":[0,8]}})",
      "12345678");
  const std::string source =
      "filesrc location=" + Write("long.safetensors", message) + " ! ";
  for (const char* queue : {"", "queue max-size-bytes=0 ! "})
    EXPECT_EQ(Play(source + queue + "latentparse ! appsink name=out").size(),
              1u)
        << queue;
}

// A recorder that starts again, a full disk: what is read may end anywhere.
TEST_F(Recording, AFileThatIsCutOrOverwrittenWhileItIsPlayed) {
  const std::string whole = Record(latents_);
  for (const bool cut : {true, false}) {
    const std::string path = Write("changing.safetensors", whole);
    std::vector<Latent> shown;
    Pipeline pipeline("filesrc blocksize=4096 location=" + path +
                      " ! latentparse ! appsink name=out max-buffers=1");
    pipeline.Pause();
    ASSERT_EQ(Preroll(&pipeline), latents_[0]);
    const size_t middle = whole.size() / 2 + 10;
    if (cut)
      std::filesystem::resize_file(path, middle);
    else
      std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
              .seekp(std::streamoff(middle))
          << std::string(whole.size() - middle, '\x07');
    Collect(&pipeline, &shown);
    pipeline.Play();
    const Outcome outcome = pipeline.Wait();
    EXPECT_TRUE(outcome.eos) << cut;
    EXPECT_TRUE(outcome.errors.empty()) << cut << outcome.errors[0];
    EXPECT_EQ(outcome.warnings.size(), 1u) << cut;
    EXPECT_GE(shown.size(), size_t{kLatents} / 2 - 1) << cut;
    EXPECT_LT(shown.size(), size_t{kLatents}) << cut;
  }
}

TEST(Weights, AreRefusedAsWhatTheyAre) {
  TAE_SHARED_OR_SKIP(path, "weights/taef2_decoder.safetensors");
  Pipeline pipeline("filesrc location=" + path + " ! decodebin3 ! fakesink");
  pipeline.Play();
  EXPECT_TRUE(pipeline.WaitForError(
      "these are weights of a tiny decoder for flux2 (79 tensors)"));
}

std::string TypeOf(const std::string& bytes, GstTypeFindProbability* sure) {
  GstCaps* caps = gst_type_find_helper_for_data(
      nullptr, reinterpret_cast<const guint8*>(bytes.data()), bytes.size(),
      sure);
  if (caps == nullptr) return "";
  return CapsText(GstPtr<GstCaps>(caps).get());
}

TEST(Typefind, TellsTensorsFromOtherThings) {
  GstTypeFindProbability sure = GST_TYPE_FIND_NONE;
  EXPECT_EQ(TypeOf(tae::testing::SmallMessage(), &sure),
            "application/x-safetensors");
  EXPECT_EQ(sure, GST_TYPE_FIND_MAXIMUM);
  // Of arrays, those that latents may lie in.
  const auto array = [&](const std::string& type, const std::string& shape) {
    return TypeOf(tae::testing::Npy("{'descr': '" + type +
                                        "', 'fortran_order': False, 'shape': " +
                                        shape + ", }",
                                    std::string(64, '\0')),
                  &sure);
  };
  for (const char* type : {"<f2", "<f4", "<f8", "|V2"}) {
    EXPECT_EQ(array(type, "(1, 4, 2, 3)"), "application/x-npy") << type;
    EXPECT_EQ(sure, GST_TYPE_FIND_MAXIMUM);
  }
  EXPECT_EQ(array("<f4", "(4, 2, 3)"), "application/x-npy");
  for (const char* type : {"<i2", "|u1", "<i8", "<c8"})
    EXPECT_EQ(array(type, "(1, 4, 2, 3)"), "") << type;
  for (const char* shape : {"()", "(48000,)", "(2, 48000)", "(2, 48000,)"})
    EXPECT_EQ(array("<f4", shape), "") << shape;
  for (const std::string& other :
       {std::string("{\"latent\": \"dtype\", and more json text}"),
        tae::testing::LittleEndian(1, 8) + "{} and then something else",
        tae::testing::LittleEndian(uint64_t{1} << 50, 8) + "{\"dtype\":...}",
        // The length that the eight bytes say, and JSON, but no tensors.
        tae::testing::LittleEndian(16, 8) + "{\"dtype\": \"x\" }  ",
        tae::testing::LittleEndian(16, 8) + "{\"a\\\" \"dtype\": 1} ",
        "abcdefgh{\"dtype\":1}" + std::string(64, ' '),
        std::string(8, '\0') + "{" + std::string(64, '\0'),
        tae::testing::LittleEndian(200, 8) + "{\"a\":{\"dtype\":\"F16\"}}",
        std::string(64, '\0'), std::string("PK\x03\x04 not a tensor at all")})
    EXPECT_EQ(TypeOf(other, &sure).find("safetensors"), std::string::npos);
}

}  // namespace
}  // namespace tae_test
