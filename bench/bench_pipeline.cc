// What taedecode costs above the library: the same latent through
// appsrc ! taedecode ! appsink and through tae::Decoder, in turns. change-only
// is off, for it would not decode the same latent again.
//   bench_pipeline PLUGIN MODEL [SIZE [THREADS [ROUNDS]]]
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/half.h"
#include "tae/decoder.h"
#include "timing.h"

namespace {

using tae_bench::Median;
using tae_bench::Milliseconds;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "bench_pipeline: %s\n", why.c_str());
  std::exit(2);
}

struct Setup {
  std::string plugin;  // libgsttae.so
  std::string model;
  int size = 1024;  // pixels, square
  int threads = 2;
  int rounds = 15;
};

// The library alone.
class Library {
 public:
  explicit Library(const Setup& setup)
      : pixels_(size_t(setup.size) * setup.size * 3) {
    const auto model = tae::LoadModel(setup.model, {});
    if (!model.ok()) Fail(model.status().message());
    const tae::ModelInfo& info = tae::GetModelInfo(**model);
    channels_ = info.latent_channels;
    side_ = setup.size / info.pixels_per_latent;
    decoder_ = std::make_unique<tae::Decoder>(
        *model, tae::DecoderOptions{
                    .parallel = tae::MakeThreadPool({.threads = setup.threads}),
                    .cpu = ""});
    const tae::Status status = decoder_->Prepare({.latent = {side_, side_}});
    if (!status.ok()) Fail(status.message());
    frame_ = {.width = setup.size, .height = setup.size};
    frame_.plane[0] = pixels_.data();
    frame_.stride[0] = ptrdiff_t{setup.size} * 3;
  }

  std::vector<uint16_t> SeededLatent() const {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<uint16_t> values(size_t(channels_) * side_ * side_);
    for (uint16_t& value : values) value = tae::F16FromFloat(normal(random));
    return values;
  }

  void Decode(const std::vector<uint16_t>& values) {
    const tae::LatentView latent{.data = values.data(),
                                 .size = values.size() * sizeof(values[0]),
                                 .channels = channels_,
                                 .extent = {side_, side_}};
    const tae::Status status = decoder_->Decode(latent, frame_, nullptr);
    if (!status.ok()) Fail(status.message());
  }

  int channels() const { return channels_; }
  int side() const { return side_; }
  const tae::FrameView& frame() const { return frame_; }

 private:
  std::vector<uint8_t> pixels_;
  int channels_ = 0;
  int side_ = 0;
  std::unique_ptr<tae::Decoder> decoder_;
  tae::FrameView frame_;
};

// The element between two ends that this program holds.
class Pipeline {
 public:
  Pipeline(const Setup& setup, const Library& library) {
    GError* error = nullptr;
    if (gst_plugin_load_file(setup.plugin.c_str(), &error) == nullptr)
      Fail(error->message);
    const std::string line =
        "appsrc name=in format=time ! taedecode method=tae change-only=false "
        "n-threads=" +
        std::to_string(setup.threads) + " name=element" +
        " ! video/x-raw,format=RGB ! appsink name=out sync=false";
    pipeline_ = gst_parse_launch(line.c_str(), &error);
    if (error != nullptr) Fail(error->message);
    GstElement* element = gst_bin_get_by_name(GST_BIN(pipeline_), "element");
    g_object_set(element, "model-file", setup.model.c_str(), nullptr);
    gst_object_unref(element);
    in_ = gst_bin_get_by_name(GST_BIN(pipeline_), "in");
    out_ = gst_bin_get_by_name(GST_BIN(pipeline_), "out");
    GstCaps* caps = gst_caps_new_simple(
        "video/x-latent", "format", G_TYPE_STRING, "F16LE", "channels",
        G_TYPE_INT, library.channels(), "latent-width", G_TYPE_INT,
        library.side(), "latent-height", G_TYPE_INT, library.side(),
        "framerate", GST_TYPE_FRACTION, 7, 1, nullptr);
    gst_app_src_set_caps(GST_APP_SRC(in_), caps);
    gst_caps_unref(caps);
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  }

  ~Pipeline() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(in_);
    gst_object_unref(out_);
    gst_object_unref(pipeline_);
  }

  // The picture belongs to the caller.
  GstSample* Decode(GstBuffer* latent) {
    gst_app_src_push_buffer(GST_APP_SRC(in_), latent);
    GstSample* sample =
        gst_app_sink_try_pull_sample(GST_APP_SINK(out_), 60 * GST_SECOND);
    if (sample == nullptr) Fail("no picture came out of the pipeline");
    return sample;
  }

 private:
  GstElement* pipeline_;
  GstElement* in_;
  GstElement* out_;
};

GstBuffer* BufferOf(const std::vector<uint16_t>& values, int index) {
  const size_t size = values.size() * sizeof(values[0]);
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  gst_buffer_fill(buffer, 0, values.data(), size);
  GST_BUFFER_PTS(buffer) = GstClockTime(index) * GST_SECOND / 7;
  GST_BUFFER_DURATION(buffer) = GST_SECOND / 7;
  return buffer;
}

// Both must have made the same picture, or the times compare nothing.
void CheckSame(GstSample* sample, const tae::FrameView& expected) {
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample),
                           GST_MAP_READ))
    Fail("the picture cannot be read");
  for (int y = 0; y < expected.height; ++y) {
    const auto* found =
        static_cast<const char*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) +
        ptrdiff_t{y} * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    if (std::memcmp(found,
                    static_cast<const char*>(expected.plane[0]) +
                        y * expected.stride[0],
                    size_t(expected.width) * 3) != 0)
      Fail("element and library made different pictures");
  }
  gst_video_frame_unmap(&frame);
}

void Run(const Setup& setup) {
  Library library(setup);
  Pipeline pipeline(setup, library);
  const std::vector<uint16_t> latent = library.SeededLatent();
  std::vector<double> alone, through, ratios;
  for (int round = -2; round < setup.rounds; ++round) {  // two to warm up
    GstBuffer* buffer = BufferOf(latent, round + 2);
    GstSample* sample = nullptr;
    const auto run_library = [&] { library.Decode(latent); };
    const auto run_pipeline = [&] { sample = pipeline.Decode(buffer); };
    // Who goes first changes, so that neither always finds the warmer cache.
    const bool library_first = round % 2 == 0;
    double a = library_first ? Milliseconds(run_library) : 0;
    const double b = Milliseconds(run_pipeline);
    if (!library_first) a = Milliseconds(run_library);
    CheckSame(sample, library.frame());
    gst_sample_unref(sample);
    if (round < 0) continue;
    alone.push_back(a);
    through.push_back(b);
    ratios.push_back(b / a);
  }
  const auto least = [](const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
  };
  std::printf(
      "%dx%d, %d threads, %d rounds, ms: library %.3f (min %.3f), element "
      "%.3f (min %.3f)\noverhead of the element: %+.2f %% (median of ratios), "
      "%+.2f %% (of minima)\n",
      setup.size, setup.size, setup.threads, setup.rounds, Median(alone),
      least(alone), Median(through), least(through), (Median(ratios) - 1) * 100,
      (least(through) / least(alone) - 1) * 100);
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc < 3) Fail("words are: PLUGIN MODEL [SIZE [THREADS [ROUNDS]]]");
  Setup setup{.plugin = argv[1], .model = argv[2]};
  if (argc > 3) setup.size = std::atoi(argv[3]);
  if (argc > 4) setup.threads = std::atoi(argv[4]);
  if (argc > 5) setup.rounds = std::atoi(argv[5]);
  if (setup.size < 8 || setup.size % 8 != 0 || setup.threads < 1 ||
      setup.rounds < 1)
    Fail("SIZE is a multiple of 8; THREADS and ROUNDS are 1 or more");
  Run(setup);
}
