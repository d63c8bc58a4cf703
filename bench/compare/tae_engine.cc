// This library as an engine of compare.py. PRECISION is one of f16, f32, bf16,
// int8, or blas for its convolutions on OpenBLAS; EXTRA pins the instruction
// set. A run decodes half floats into an RGB frame of bytes, as the element
// does; the picture that is compared is one of floats.
#include <cstdint>
#include <memory>

#include "base/half.h"
#include "compare/engine_loop.h"
#include "tae/decoder.h"

namespace {

constexpr int kChannels = 32;
constexpr int kScale = 8;

void Check(const tae::Status& status) {
  if (!status.ok()) engine::Fail(status.message());
}

tae::Precision PrecisionOf(const std::string& word) {
  if (word == "f32" || word == "blas") return tae::Precision::kF32;
  if (word == "bf16") return tae::Precision::kBF16;
  if (word == "int8") return tae::Precision::kInt8;
  return tae::Precision::kF16;
}

class Session {
 public:
  Session(const engine::Words& words, std::shared_ptr<const tae::Model> model)
      : words_(words),
        model_(std::move(model)),
        pool_(tae::MakeThreadPool({.threads = words.threads})),
        frame_bytes_(size_t(words.size) * size_t(words.size) * 3, 1) {
    const size_t side = size_t(words.size / kScale);
    for (float x : engine::ReadFloats(words.latent, kChannels * side * side))
      latent_.push_back(tae::F16FromFloat(x));
  }

  // The model's packed weights: made by the first plan, shared by all.
  void Pack() { tiny_ = MakeDecoder(tae::PixelFormat::kRgb, /*side=*/1); }

  void Prepare() {
    decoder_ = MakeDecoder(tae::PixelFormat::kRgb, words_.size / kScale);
  }

  void Run() {
    tae::FrameView frame{.width = words_.size, .height = words_.size};
    frame.plane[0] = frame_bytes_.data();
    frame.stride[0] = ptrdiff_t{words_.size} * 3;
    Check(decoder_->Decode(Latent(), frame, nullptr));
  }

  std::vector<float> Picture() {
    const size_t plane = size_t(words_.size) * size_t(words_.size);
    std::vector<float> picture(3 * plane);
    tae::FrameView frame{.format = tae::PixelFormat::kRgbPlanarF32,
                         .width = words_.size,
                         .height = words_.size};
    for (size_t c = 0; c < 3; ++c) {
      frame.plane[c] = picture.data() + c * plane;
      frame.stride[c] = words_.size * ptrdiff_t{sizeof(float)};
    }
    const auto decoder = MakeDecoder(frame.format, words_.size / kScale);
    Check(decoder->Decode(Latent(), frame, nullptr));
    return picture;
  }

 private:
  std::unique_ptr<tae::Decoder> MakeDecoder(tae::PixelFormat format, int side) {
    tae::DecoderOptions options{.parallel = pool_, .cpu = words_.extra};
    if (words_.precision == "blas") options.backend = tae::Backend::kBlas;
    auto decoder = std::make_unique<tae::Decoder>(model_, options);
    Check(decoder->Prepare({.latent = {side, side},
                            .precision = PrecisionOf(words_.precision),
                            .format = format}));
    return decoder;
  }

  tae::LatentView Latent() const {
    const int side = words_.size / kScale;
    return {.data = latent_.data(),
            .size = latent_.size() * sizeof(latent_[0]),
            .channels = kChannels,
            .extent = {side, side}};
  }

  engine::Words words_;
  std::shared_ptr<const tae::Model> model_;
  std::shared_ptr<tae::ParallelFor> pool_;
  std::vector<uint16_t> latent_;
  std::vector<uint8_t> frame_bytes_;
  std::unique_ptr<tae::Decoder> tiny_;
  std::unique_ptr<tae::Decoder> decoder_;
};

}  // namespace

int main(int argc, char** argv) {
  const engine::Words words = engine::ParseWords(argc, argv);
  const auto model = tae::LoadModel(words.weights, {});
  if (!model.ok()) engine::Fail(model.status().message());
  Session session(words, *model);
  session.Pack();
  return engine::Serve([&]() -> engine::Engine {
    session.Prepare();
    return {[&] { session.Run(); }, [&] { return session.Picture(); }};
  });
}
