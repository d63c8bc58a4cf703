// oneDNN as an engine of compare.py: the decoder as a list of its primitives,
// activations channels last, ReLU and skip fused into the convolutions.
// PRECISION is f32 or bf16; GroupNorm is computed in floats.
#include <omp.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "base/half.h"
#include "compare/engine_loop.h"
#include "io/file_bytes.h"
#include "io/tensor_file.h"

namespace {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;

constexpr int kWidth = 64;    // channels of the network
constexpr int kHidden = 256;  // of its pools
constexpr int kGroups = 4;
constexpr int kChannels = 32;

class Network {
 public:
  Network(const engine::Words& words, const tae::TensorFile& file)
      : file_(file),
        engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        side_(words.size / 8),
        size_(words.size),
        dtype_(words.precision == "bf16" ? memory::data_type::bf16
                                         : memory::data_type::f32) {}

  // Compiles all primitives for the shape and loads the latent.
  void Build(const std::vector<float>& latent) {
    const memory input = Plane(kChannels, side_, memory::data_type::f32);
    auto* to = static_cast<float*>(input.get_data_handle());
    const size_t pixels = size_t(side_) * side_;
    for (size_t p = 0; p < pixels; ++p)
      for (size_t c = 0; c < kChannels; ++c)
        to[p * kChannels + c] = latent[c * pixels + p];
    memory x = Conv("1", SoftClamp(input), kWidth, {.relu = true});
    const char* const blocks[4][3] = {{"3", "4", "5"},
                                      {"8", "9", "10"},
                                      {"13", "14", "15"},
                                      {"18", nullptr, nullptr}};
    const char* const climbs[3] = {"7", "12", "17"};
    for (int stage = 0; stage < 4; ++stage) {
      for (const char* block : blocks[stage])
        if (block != nullptr) x = Block(block, x, /*pool=*/stage == 0);
      if (stage < 3) x = Conv(climbs[stage], Upsample(x), kWidth, {});
    }
    picture_ = Conv("19", x, 3, {.float_output = true});
  }

  void Run() {
    for (const auto& step : steps_) step();
    stream_.wait();
  }

  std::vector<float> Picture() const {
    const auto* from = static_cast<const float*>(picture_.get_data_handle());
    const size_t pixels = size_t(size_) * size_;
    std::vector<float> picture(3 * pixels);
    for (size_t p = 0; p < pixels; ++p)
      for (size_t c = 0; c < 3; ++c) picture[c * pixels + p] = from[p * 3 + c];
    return picture;
  }

 private:
  struct ConvOptions {
    bool relu = false;
    const memory* skip = nullptr;  // added before the ReLU
    int taps = 3;                  // a side
    bool float_output = false;
  };

  // A plane of activations; what nothing reads any more is used again.
  memory Plane(int channels, int side, memory::data_type dtype) {
    const memory::desc desc({1, channels, side, side}, dtype,
                            memory::format_tag::nhwc);
    for (memory& known : planes_)
      if (known.get_desc() == desc && UseCount(known) == 0) {
        ++uses_[known.get_data_handle()];
        return known;
      }
    planes_.emplace_back(desc, engine_);
    ++uses_[planes_.back().get_data_handle()];
    return planes_.back();
  }
  int UseCount(const memory& plane) { return uses_[plane.get_data_handle()]; }
  void Done(const memory& plane) { --uses_[plane.get_data_handle()]; }

  static int Side(const memory& plane) {
    return static_cast<int>(plane.get_desc().dims()[2]);
  }

  std::vector<float> Floats(const std::string& name) const {
    const tae::TensorView* tensor = file_.Find(name);
    if (tensor == nullptr) engine::Fail("no tensor " + name);
    std::vector<float> values(tensor->size / tae::SizeOf(tensor->dtype));
    tae::LoadFloats(tensor->dtype, tensor->data, values.size(), values.data());
    return values;
  }

  void Add(dnnl::primitive primitive, Arguments arguments) {
    steps_.push_back([this, primitive, arguments] {
      primitive.execute(stream_, arguments);
    });
  }

  // Constants in the order that a primitive wants.
  memory Constant(const std::vector<float>& values, memory::dims dims,
                  memory::format_tag tag, const memory::desc& wanted) {
    const memory plain({dims, memory::data_type::f32, tag}, engine_);
    std::memcpy(plain.get_data_handle(), values.data(),
                values.size() * sizeof(float));
    memory packed(wanted, engine_);
    dnnl::reorder(plain, packed)
        .execute(stream_, const_cast<memory&>(plain), packed);
    stream_.wait();
    return packed;
  }

  memory Eltwise(dnnl::algorithm kind, const memory& x, float alpha) {
    const dnnl::eltwise_forward::desc desc(dnnl::prop_kind::forward_inference,
                                           kind, x.get_desc(), alpha, 0);
    const memory y = Plane(static_cast<int>(x.get_desc().dims()[1]), Side(x),
                           memory::data_type::f32);
    Add(dnnl::eltwise_forward({desc, engine_}),
        {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
    return y;
  }

  // 3 tanh(x / 3); the input itself stays as it is.
  memory SoftClamp(const memory& x) {
    const memory third = Eltwise(dnnl::algorithm::eltwise_linear, x, 1.0f / 3);
    const memory bent = Eltwise(dnnl::algorithm::eltwise_tanh, third, 0);
    return Eltwise(dnnl::algorithm::eltwise_linear, bent, 3);
  }

  memory Upsample(const memory& x) {
    const memory y = Plane(kWidth, 2 * Side(x), dtype_);
    const dnnl::resampling_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::resampling_nearest,
        x.get_desc(), y.get_desc());
    Add(dnnl::resampling_forward({desc, engine_}),
        {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
    Done(x);
    return y;
  }

  static dnnl::primitive_attr Fused(const ConvOptions& options) {
    dnnl::post_ops fused;
    if (options.skip != nullptr) fused.append_sum(1);
    if (options.relu)
      fused.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(fused);
    return attributes;
  }

  // With a skip the output is the skip's own memory.
  memory Conv(const std::string& name, memory x, int outputs,
              const ConvOptions& options) {
    const int inputs = static_cast<int>(x.get_desc().dims()[1]);
    if (x.get_desc().data_type() != dtype_) x = Convert(x, inputs);
    const auto out_type =
        options.float_output ? memory::data_type::f32 : dtype_;
    const memory y = options.skip != nullptr
                         ? *options.skip
                         : Plane(outputs, Side(x), out_type);
    const memory::dims shape = {outputs, inputs, options.taps, options.taps};
    const memory::desc any(shape, dtype_, memory::format_tag::any);
    const bool biased = file_.Find(name + ".bias") != nullptr;
    const memory::desc bias(
        biased ? memory::dims{outputs} : memory::dims{},
        biased ? memory::data_type::f32 : memory::data_type::undef,
        biased ? memory::format_tag::x : memory::format_tag::undef);
    const int pad = options.taps / 2;
    const dnnl::convolution_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        x.get_desc(), any, biased ? bias : memory::desc(), y.get_desc(), {1, 1},
        {pad, pad}, {pad, pad});
    const dnnl::convolution_forward::primitive_desc chosen(desc, Fused(options),
                                                           engine_);
    Arguments arguments = {
        {DNNL_ARG_SRC, x},
        {DNNL_ARG_DST, y},
        {DNNL_ARG_WEIGHTS,
         Constant(Floats(name + ".weight"), shape, memory::format_tag::oihw,
                  chosen.weights_desc())}};
    if (biased)
      arguments[DNNL_ARG_BIAS] =
          Constant(Floats(name + ".bias"), {outputs}, memory::format_tag::x,
                   chosen.bias_desc());
    Add(dnnl::convolution_forward(chosen), arguments);
    return y;
  }

  memory Convert(const memory& x, int channels) {
    const memory y = Plane(channels, Side(x), dtype_);
    Add(dnnl::reorder(x, y), {{DNNL_ARG_FROM, x}, {DNNL_ARG_TO, y}});
    return y;
  }

  memory Block(const std::string& name, const memory& x, bool pool) {
    if (pool) Pool(name + ".pool", x);
    const memory a = Conv(name + ".conv.0", x, kWidth, {.relu = true});
    const memory b = Conv(name + ".conv.2", a, kWidth, {.relu = true});
    Done(a);
    const memory y =
        Conv(name + ".conv.4", b, kWidth, {.relu = true, .skip = &x});
    Done(b);
    return y;
  }

  // x += 1x1(relu(GroupNorm(1x1(x)))).
  void Pool(const std::string& name, const memory& x) {
    const memory hidden =
        Conv(name + ".0", x, kHidden, {.taps = 1, .float_output = true});
    const auto gamma = Floats(name + ".1.weight");
    const auto beta = Floats(name + ".1.bias");
    const size_t pixels = size_t(Side(x)) * Side(x);
    auto* values = static_cast<float*>(hidden.get_data_handle());
    steps_.push_back(
        [=] { GroupNormRelu(values, pixels, gamma.data(), beta.data()); });
    Conv(name + ".3", hidden, kWidth, {.skip = &x, .taps = 1});
    Done(hidden);
  }

  static void GroupNormRelu(float* values, size_t pixels, const float* gamma,
                            const float* beta) {
    constexpr int kGroup = kHidden / kGroups;
    double sums[kHidden] = {};
    double squares[kHidden] = {};
#pragma omp parallel for reduction(+ : sums, squares)
    for (size_t p = 0; p < pixels; ++p)
      for (int c = 0; c < kHidden; ++c) {
        const double x = values[p * kHidden + c];
        sums[c] += x;
        squares[c] += x * x;
      }
    float scale[kHidden], shift[kHidden];
    for (int g = 0; g < kGroups; ++g) {
      double sum = 0, square = 0;
      for (int c = g * kGroup; c < (g + 1) * kGroup; ++c) {
        sum += sums[c];
        square += squares[c];
      }
      const double count = double(pixels) * kGroup;
      const double mean = sum / count;
      const double inverse = 1 / std::sqrt(square / count - mean * mean + 1e-5);
      for (int c = g * kGroup; c < (g + 1) * kGroup; ++c) {
        scale[c] = float(gamma[c] * inverse);
        shift[c] = float(beta[c] - mean * gamma[c] * inverse);
      }
    }
#pragma omp parallel for
    for (size_t p = 0; p < pixels; ++p)
      for (int c = 0; c < kHidden; ++c) {
        float& x = values[p * kHidden + c];
        x = std::fmax(0.0f, x * scale[c] + shift[c]);
      }
  }

  const tae::TensorFile& file_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  int side_;
  int size_;
  memory::data_type dtype_;
  std::vector<memory> planes_;
  std::map<void*, int> uses_;
  std::vector<std::function<void()>> steps_;
  memory picture_;
};

}  // namespace

int main(int argc, char** argv) {
  const engine::Words words = engine::ParseWords(argc, argv);
  omp_set_num_threads(words.threads);
  const auto bytes = tae::FileBytes::Read(words.weights);
  if (!bytes.ok()) engine::Fail(bytes.status().message());
  const auto file = tae::ParseTensorFile(*bytes);
  if (!file.ok()) engine::Fail(file.status().message());
  const size_t side = size_t(words.size / 8);
  const auto latent = engine::ReadFloats(words.latent, kChannels * side * side);
  Network network(words, *file);
  return engine::Serve([&]() -> engine::Engine {
    network.Build(latent);
    return {[&] { network.Run(); }, [&] { return network.Picture(); }};
  });
}
