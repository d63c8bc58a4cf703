// Noisy latents show the clean picture that successive ones imply.
#include <gst/app/gstappsink.h>

#include <cstdlib>
#include <random>

#include "support/decode_harness.h"

namespace tae_test {
namespace {

using Floats = std::vector<float>;
constexpr LatentShape kFlux2{32, 4, 6};
constexpr LatentShape kSd{4, 4, 6};

std::vector<float> Noise(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Floats values(count);
  for (float& value : values) value = normal(random);
  return values;
}

struct Step {
  double sigma;
  Floats x;   // noisy
  Floats x0;  // what the Euler step that led here aimed at; empty at the first
};

// Euler's method towards an x0 that moves at every step. Both processes have
// the velocity (x - x0) / sigma. fresh: standard deviation, in sigmas, of the
// noise that each step adds.
std::vector<Step> Euler(LatentShape shape, std::vector<double> sigmas,
                        double fresh = 0) {
  const size_t count = size_t(shape.scalars());
  Floats x = Noise(count, 7);
  for (float& value : x) value *= float(sigmas[0]);
  std::vector<Step> steps{{sigmas[0], x, {}}};
  for (size_t i = 1; i < sigmas.size(); ++i) {
    Floats x0(count);
    for (size_t k = 0; k < count; ++k)
      x0[k] = float(1.4 * std::sin(0.37 * double(k) + 0.1 * double(i)));
    const Floats noise = Noise(count, 100 + unsigned(i));
    for (size_t k = 0; k < count; ++k)
      x[k] +=
          float((sigmas[i] - sigmas[i - 1]) * (x[k] - x0[k]) / sigmas[i - 1] +
                fresh * sigmas[i] * noise[k]);
    steps.push_back({sigmas[i], x, x0});
  }
  return steps;
}

// Twice as many steps.
std::vector<double> Halved(const std::vector<double>& sigmas) {
  std::vector<double> halved;
  for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
    halved.push_back(sigmas[i]);
    halved.push_back((sigmas[i] + sigmas[i + 1]) / 2);
  }
  halved.push_back(sigmas.back());
  return halved;
}

const std::vector<double> kFlowSigmas = {1, .9, .75, .6, .4, .2, 0};
const std::vector<double> kVeSigmas = {14.6, 9, 5, 2, 1, .3, 0};

GstBuffer* NoisyBuffer(const Floats& values, int index,
                       std::optional<double> sigma,
                       const std::string& generation = "a") {
  GstBuffer* buffer = BufferOf(values, index);
  taegst::LatentStep step;
  step.step = guint(index);
  step.sigma = sigma;
  step.prompt_id = generation;
  taegst::SetLatentStep(buffer, step);
  return buffer;
}

std::string NoisyCaps(LatentShape shape, const std::string& variant) {
  return LatentCaps(shape, "pred=x,variant=" + variant);
}

std::string Method(DecodeHarness& harness) {
  GstStructure* stats = nullptr;
  g_object_get(harness.decoder(), "stats", &stats, nullptr);
  const std::string method = gst_structure_get_string(stats, "denoise");
  gst_structure_free(stats);
  return method;
}

std::vector<uint8_t> PictureOf(const Floats& clean, LatentShape shape,
                               const std::string& variant) {
  DecodeHarness harness("taedecode method=linear variant=" + variant);
  harness.SetCaps(LatentCaps(shape, "variant=" + variant));
  harness.Push(BufferOf(clean, 0));
  return BytesOf(harness.TryPull().get());
}

int LargestDifference(const std::vector<uint8_t>& a,
                      const std::vector<uint8_t>& b) {
  EXPECT_EQ(a.size(), b.size());
  int largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

struct Case {
  const char* variant;
  LatentShape shape;
  std::vector<double> sigmas;
};

class Denoise : public testing::TestWithParam<Case> {};

TEST_P(Denoise, EveryPictureIsThatOfTheCleanLatent) {
  const Case& c = GetParam();
  DecodeHarness harness(std::string("taedecode method=linear variant=") +
                        c.variant);
  harness.SetCaps(NoisyCaps(c.shape, c.variant));
  int index = 0;
  for (const Step& step : Euler(c.shape, c.sigmas)) {
    harness.Push(NoisyBuffer(step.x, ++index, step.sigma));
    const auto picture = BytesOf(harness.TryPull().get());
    if (step.x0.empty()) {
      EXPECT_EQ(Method(harness), "scaled");
      continue;
    }
    EXPECT_EQ(Method(harness), step.sigma == 0 ? "clean" : "secant");
    EXPECT_LE(
        LargestDifference(picture, PictureOf(step.x0, c.shape, c.variant)), 1)
        << "sigma " << step.sigma;
  }
}

// The formula needs the latent just before, decoded or not.
TEST_P(Denoise, LatentsPassedOverCountToo) {
  const Case& c = GetParam();
  DecodeHarness harness(
      std::string("taedecode method=linear every=4 variant=") + c.variant);
  harness.SetCaps(NoisyCaps(c.shape, c.variant));
  const auto steps = Euler(c.shape, c.sigmas);
  for (int i = 0; i < 6; ++i)
    harness.Push(NoisyBuffer(steps[i].x, i, steps[i].sigma));
  gst_harness_push_event(harness.h, gst_event_new_eos());
  std::vector<std::vector<uint8_t>> pictures;
  while (auto frame = harness.TryPull())
    pictures.push_back(BytesOf(frame.get()));
  ASSERT_EQ(pictures.size(), 3u);  // the first, the fourth, the last
  for (const auto& [picture, index] : {std::pair{1, 4}, std::pair{2, 5}})
    EXPECT_LE(LargestDifference(pictures[picture],
                                PictureOf(steps[index].x0, c.shape, c.variant)),
              1)
        << index;
}

TEST_P(Denoise, FreshNoiseIsFoundAndSaidOnce) {
  const Case& c = GetParam();
  DecodeHarness harness(
      std::string("taedecode method=linear post-messages=true variant=") +
      c.variant);
  harness.SetCaps(NoisyCaps(c.shape, c.variant));
  int index = 0;
  for (const Step& step : Euler(c.shape, Halved(c.sigmas), .9))
    if (step.sigma > 0) harness.Push(NoisyBuffer(step.x, ++index, step.sigma));
  std::string method;
  int notes = 0;
  while (const auto message = harness.Message(
             GstMessageType(GST_MESSAGE_ELEMENT | GST_MESSAGE_INFO))) {
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_INFO)
      ++notes;
    else
      method = gst_structure_get_string(
          gst_message_get_structure(message.get()), "denoise");
  }
  EXPECT_EQ(method, "scaled");
  EXPECT_EQ(notes, 1);
}

INSTANTIATE_TEST_SUITE_P(Processes, Denoise,
                         testing::Values(Case{"flux2", kFlux2, kFlowSigmas},
                                         Case{"sd", kSd, kVeSigmas}));

TEST(DenoiseProperty, SaysWhichLatentsAreTakenForNoisy) {
  struct {
    const char* property;
    const char* pred;
    const char* method;
  } const cases[] = {{"auto", "x", "secant"}, {"auto", "x0", "none"},
                     {"off", "x", "none"},    {"on", "x0", "secant"},
                     {"on", "x", "secant"},   {"off", "x0", "none"}};
  const auto steps = Euler(kFlux2, kFlowSigmas);
  for (const auto& c : cases) {
    DecodeHarness harness(
        std::string("taedecode variant=flux2 method=linear denoise=") +
        c.property);
    harness.SetCaps(LatentCaps(kFlux2, std::string("pred=") + c.pred));
    harness.Push(NoisyBuffer(steps[0].x, 1, steps[0].sigma));
    harness.Push(NoisyBuffer(steps[1].x, 2, steps[1].sigma));
    EXPECT_EQ(Method(harness), c.method) << c.property << " " << c.pred;
  }
}

TEST(DenoiseProperty, ChangesWhileLatentsFlow) {
  const auto steps = Euler(kFlux2, kFlowSigmas);
  DecodeHarness harness;
  harness.SetCaps(NoisyCaps(kFlux2, "flux2"));
  const auto push = [&](int i) {
    harness.Push(NoisyBuffer(steps[i].x, i, steps[i].sigma));
    return Method(harness);
  };
  EXPECT_EQ(push(0), "scaled");
  EXPECT_EQ(push(1), "secant");
  gst_util_set_object_arg(G_OBJECT(harness.decoder()), "denoise", "off");
  EXPECT_EQ(push(2), "none");
  gst_util_set_object_arg(G_OBJECT(harness.decoder()), "denoise", "on");
  EXPECT_EQ(push(3), "scaled");
  EXPECT_EQ(push(4), "secant");
}

TEST(DenoiseProperty, NewGenerationsBeginAgain) {
  const auto steps = Euler(kFlux2, kFlowSigmas);
  const std::pair<const char*, std::function<GstBuffer*(DecodeHarness&)>>
      begins[] = {
          {"prompt-id",
           [&](DecodeHarness&) {
             return NoisyBuffer(steps[3].x, 4, steps[3].sigma, "b");
           }},
          {"step",
           [&](DecodeHarness&) {
             return NoisyBuffer(steps[3].x, 1, steps[3].sigma);
           }},
          {"discont",
           [&](DecodeHarness&) {
             GstBuffer* b = NoisyBuffer(steps[3].x, 4, steps[3].sigma);
             GST_BUFFER_FLAG_SET(b, GST_BUFFER_FLAG_DISCONT);
             return b;
           }},
          {"caps",
           [&](DecodeHarness& harness) {
             harness.SetCaps(NoisyCaps(kFlux2, "flux2,width=48"));
             return NoisyBuffer(steps[3].x, 4, steps[3].sigma);
           }},
          {"flush", [&](DecodeHarness& harness) {
             gst_harness_push_event(harness.h, gst_event_new_flush_start());
             gst_harness_push_event(harness.h, gst_event_new_flush_stop(TRUE));
             GstSegment segment;
             gst_segment_init(&segment, GST_FORMAT_TIME);
             gst_harness_push_event(harness.h, gst_event_new_segment(&segment));
             return NoisyBuffer(steps[3].x, 4, steps[3].sigma);
           }}};
  for (const auto& [name, begin] : begins) {
    DecodeHarness harness;
    harness.SetCaps(NoisyCaps(kFlux2, "flux2"));
    for (int i = 1; i <= 2; ++i)
      harness.Push(NoisyBuffer(steps[i].x, i + 1, steps[i].sigma));
    EXPECT_EQ(Method(harness), "secant") << name;
    harness.Push(begin(harness));
    EXPECT_EQ(Method(harness), "scaled") << name;
  }
}

TEST(DenoiseProperty, WithoutAUsableSigmaTheLatentIsShownAsItIs) {
  const auto steps = Euler(kFlux2, kFlowSigmas);
  for (const std::optional<double> sigma :
       {std::optional<double>(), std::optional<double>(750.0),
        std::optional<double>(std::nan(""))}) {
    DecodeHarness harness;
    harness.SetCaps(NoisyCaps(kFlux2, "flux2"));
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(harness.Push(NoisyBuffer(steps[i].x, i, sigma)), GST_FLOW_OK);
      EXPECT_EQ(BytesOf(harness.TryPull().get()),
                PictureOf(steps[i].x, kFlux2, "flux2"));
      EXPECT_EQ(Method(harness), "none");
    }
    const auto note = harness.Message(GST_MESSAGE_INFO);
    ASSERT_NE(note, nullptr);
    EXPECT_EQ(harness.Message(GST_MESSAGE_INFO), nullptr);
  }
}

TEST(DenoiseProperty, PackedLatentsTakeTheSameWay) {
  const auto steps = Euler(kFlux2, kFlowSigmas);
  const auto pack = [](const Floats& values) {
    Floats packed(values.size());
    for (int c = 0; c < 32; ++c)
      for (int y = 0; y < 4; ++y)
        for (int x = 0; x < 6; ++x)
          packed[(y / 2 * 3 + x / 2) * 128 + 4 * c + 2 * (y % 2) + x % 2] =
              values[(c * 4 + y) * 6 + x];
    return packed;
  };
  DecodeHarness harness;
  harness.SetCaps(NoisyCaps(kFlux2, "flux2,layout=packed"));
  for (int i = 0; i < 2; ++i)
    harness.Push(NoisyBuffer(pack(steps[i].x), i, steps[i].sigma));
  harness.TryPull();
  EXPECT_LE(LargestDifference(BytesOf(harness.TryPull().get()),
                              PictureOf(steps[1].x0, kFlux2, "flux2")),
            1);
}

// All pictures of a demo run of eight steps.
std::vector<std::vector<uint8_t>> DemoPictures(const std::string& source,
                                               const std::string& format,
                                               const std::string& decoder) {
  const std::string description =
      "latentsrc num-buffers=8 steps=8 width=96 height=64 seed=3 " + source +
      " ! video/x-latent,format=" + format +
      " ! taedecode variant=flux2 method=linear " + decoder +
      " ! video/x-raw,format=RGB ! appsink name=sink sync=false";
  const GstPtr<GstElement> pipeline(
      gst_parse_launch(description.c_str(), nullptr));
  const GstPtr<GstElement> sink(
      gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::vector<std::vector<uint8_t>> pictures;
  while (GstSample* sample = gst_app_sink_try_pull_sample(
             GST_APP_SINK(sink.get()), kPatience)) {
    pictures.push_back(BytesOf(gst_sample_get_buffer(sample)));
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return pictures;
}

double Psnr(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(double(a[i]) - b[i], 2);
  return 10 * std::log10(255.0 * 255 * double(a.size()) / sum);
}

// The demo's noisy run is a straight line to its picture, so that each latent
// after the first implies that picture.
TEST(DenoiseDemo, NoisyRunShowsThePictureFromTheSecondStepOn) {
  const auto clean = DemoPictures("", "F32LE", "").back();
  const struct {
    const char* format;
    double psnr;
  } cases[] = {{"F32LE", 60}, {"F16LE", 45}, {"BF16LE", 28}};
  for (const auto& c : cases) {
    const auto pictures = DemoPictures("noisy=true", c.format, "");
    ASSERT_EQ(pictures.size(), 8u);
    EXPECT_LT(Psnr(pictures[0], clean), 20) << c.format;
    for (size_t i = 1; i < pictures.size(); ++i)
      EXPECT_GT(Psnr(pictures[i], clean), c.psnr) << c.format << " " << i;
  }
  const auto shown = DemoPictures("noisy=true", "F32LE", "denoise=off");
  EXPECT_LT(Psnr(shown[4], clean), 25);
}

}  // namespace
}  // namespace tae_test
