// A decoder's weights file with faults: the input is a list of edits of a right
// one, so that most inputs get far. What loads is prepared and decodes a
// latent.
#include <stdlib.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "model/architectures.h"
#include "support/safetensors_writer.h"
#include "support/temp_folder.h"
#include "tae/decoder.h"

namespace {

// The bytes of the input, one after the other; zeros behind its end.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool done() const { return size_ == 0; }
  uint8_t Byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  uint32_t Number(uint32_t limit) {
    const uint32_t high = Byte();
    return limit == 0 ? 0 : (high << 8 | Byte()) % limit;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

using Tensors = std::vector<tae::TensorToWrite>;

void Add(Tensors* tensors, const std::string& name, std::vector<int64_t> dims) {
  size_t count = 1;
  for (const int64_t dim : dims) count *= static_cast<size_t>(dim);
  std::vector<uint8_t> bytes(2 * count);
  for (size_t i = 0; i < count; ++i) {  // F16 from 1/64 to 1/32
    bytes[2 * i] = static_cast<uint8_t>(i * 7 + tensors->size());
    bytes[2 * i + 1] = static_cast<uint8_t>(0x24 | (i % 2) << 7);
  }
  tensors->push_back({name, "F16", std::move(dims), std::move(bytes)});
}

void AddLayer(Tensors* tensors, const std::string& name,
              const tae::LayerSpec& layer) {
  const auto conv = [&](const std::string& part, bool bias) {
    Add(tensors, part + ".weight",
        {layer.out_channels, layer.in_channels, 3, 3});
    if (bias) Add(tensors, part + ".bias", {layer.out_channels});
  };
  if (layer.kind == tae::LayerKind::kConv3x3) conv(name, layer.bias);
  if (layer.kind != tae::LayerKind::kBlock) return;
  for (const char* part : {".conv.0", ".conv.2", ".conv.4"})
    conv(name + part, layer.bias);
  if (!layer.pool) return;
  Add(tensors, name + ".pool.0.weight", {256, 64, 1, 1});
  Add(tensors, name + ".pool.1.weight", {256});
  Add(tensors, name + ".pool.1.bias", {256});
  Add(tensors, name + ".pool.3.weight", {64, 256, 1, 1});
}

Tensors TensorsOf(Input& input) {
  Tensors tensors;
  const uint8_t which = input.Byte();
  const int channels = 1 + which / 8 % 32;
  if (which % 8 < 4) {
    const int colours = 1 << which % 4, side = which % 8 < 2 ? 1 : 3;
    Add(&tensors, "linear.weight",
        {3 * colours * colours, channels, side, side});
    Add(&tensors, "linear.bias", {3 * colours * colours});
    return tensors;
  }
  const tae::ModelSpec spec = which % 8 < 6
                                  ? tae::BuiltinSpec(channels)
                                  : tae::TaesdSpec(channels, which % 2 != 0);
  for (size_t i = 0; i < spec.layers.size(); ++i)
    AddLayer(&tensors, std::to_string(i), spec.layers[i]);
  return tensors;
}

constexpr const char* kPrefixes[] = {"",
                                     "decoder.",
                                     "decoder.layers.",
                                     "tae.",
                                     "first_stage_model.",
                                     "taesd_decoder.",
                                     "encoder.",
                                     "linear."};
constexpr const char* kDTypes[] = {"F16", "BF16",    "F32", "F64",
                                   "I64", "F8_E4M3", "U8",  "BOOL"};
constexpr const char* kSpaces[] = {"flux2", "sd", "nosuch", "", "\\u0000"};

// A name that needs no escape.
std::string Name(Input& input) {
  std::string name;
  for (int size = input.Byte() % 12; size > 0; --size)
    name += static_cast<char>('0' + input.Byte() % 75);
  for (char& c : name)
    if (c == '\\') c = '.';
  return name;
}

void Edit(Input& input, Tensors* tensors, std::string* metadata) {
  const uint8_t what = input.Byte() % 9;
  auto& tensor = (*tensors)[input.Number(uint32_t(tensors->size()))];
  switch (what) {
    case 0:
      tensor.name = Name(input);
      break;
    case 1: {
      const std::string prefix = kPrefixes[input.Byte() % 8];
      for (auto& each : *tensors) each.name = prefix + each.name;
      break;
    }
    case 2:
      tensor.dtype = kDTypes[input.Byte() % 8];
      break;
    case 3:
      if (!tensor.dims.empty())
        tensor.dims[input.Byte() % tensor.dims.size()] = input.Number(70);
      break;
    case 4:
      tensor.dims.push_back(input.Byte());
      break;
    case 5:
      if (!tensor.bytes.empty())
        tensor.bytes[input.Number(uint32_t(tensor.bytes.size()))] =
            input.Byte();
      break;
    case 6:
      tensor.bytes.resize(input.Number(4000));
      break;
    case 7:
      if (tensors->size() > 1)
        tensors->erase(tensors->begin() +
                       ptrdiff_t(input.Number(uint32_t(tensors->size()))));
      break;
    default:
      *metadata =
          std::string("{\"space\":\"") + kSpaces[input.Byte() % 5] + "\"}";
  }
}

void Decode(const std::shared_ptr<const tae::Model>& model, Input& input) {
  const tae::ModelInfo& info = tae::GetModelInfo(*model);
  const auto rungs = tae::GetRungs(*model);
  const int rung = input.Byte() % int(rungs.size());
  const tae::Extent extent = {1 + input.Byte() % 4, 1 + input.Byte() % 4};
  tae::Decoder decoder(model, {});
  const tae::Precision precision =
      input.Byte() % 2 == 0 ? tae::Precision::kAuto : tae::Precision::kF32;
  if (!decoder.Prepare({.latent = extent, .precision = precision, .rung = rung})
           .ok())
    return;
  std::vector<float> latent(
      size_t(info.latent_channels * extent.height * extent.width));
  for (float& value : latent) value = std::ldexp(input.Byte() - 128.f, -5);
  const int scale = info.pixels_per_latent / rungs[size_t(rung)].downscale;
  const int width = extent.width * scale, height = extent.height * scale;
  std::vector<uint8_t> pixels(3 * size_t(width) * size_t(height));
  tae::FrameView frame{.width = width, .height = height};
  frame.format = tae::PixelFormat::kRgb;
  frame.plane[0] = pixels.data();
  frame.stride[0] = 3 * ptrdiff_t{width};
  const tae::LatentView view{.data = latent.data(),
                             .size = latent.size() * sizeof(float),
                             .dtype = tae::DType::kF32,
                             .layout = tae::LatentLayout::kNchw,
                             .domain = tae::LatentDomain::kSampler,
                             .channels = info.latent_channels,
                             .extent = extent};
  if (!decoder.Decode(view, frame, nullptr).ok()) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const tae::TempFolder folder;
  Input input(data, size);
  Tensors tensors = TensorsOf(input);
  std::string metadata;
  for (int edits = input.Byte() % 4; edits > 0 && !input.done(); --edits)
    Edit(input, &tensors, &metadata);
  std::vector<uint8_t> file = tae::WriteSafetensors(tensors, metadata);
  if (input.Byte() % 8 == 0)
    file.resize(file.size() - input.Number(1000) % file.size());
  const std::string path = folder.Write("weights.safetensors", file);
  const auto model = tae::LoadModel(path, {});
  if (!model.ok()) {
    if (model.status().message().empty()) abort();
    return 0;
  }
  Decode(*model, input);
  return 0;
}
