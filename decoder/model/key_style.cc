// One row a key style; and the shapes by which other networks are known.
#include "model/key_style.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

namespace tae {
namespace {

struct StyleRow {
  std::string_view style;
  std::string_view prefix;
  int index_shift;  // upstream index - index in the file
};

// A prefix that contains another one stands before it. diffusers has no layer
// for the clamp, so its indices are one lower.
constexpr StyleRow kStyles[] = {
    {"diffusers", "decoder.layers.", 1},
    {"combined", "decoder.", 0},
    {"comfyui", "taesd_decoder.", 0},
    {"upstream", "", 0},
};

// What programs put before the names of all tensors: wrappers of training
// (DataParallel, torch.compile, Lightning) and of checkpoints.
constexpr std::string_view kWrappers[] = {"tae.",       "taesd.",
                                          "model.",     "module.",
                                          "_orig_mod.", "first_stage_model.",
                                          "vae.",       "ema.",
                                          "net.",       "state_dict."};

// "module._orig_mod." of "module._orig_mod.decoder.1.weight"; "" of most names.
std::string_view WrapperOf(std::string_view name) {
  size_t size = 0;
  for (bool more = true; more;) {
    more = false;
    for (const std::string_view wrapper : kWrappers) {
      if (!name.substr(size).starts_with(wrapper)) continue;
      size += wrapper.size();
      more = true;
    }
  }
  return name.substr(0, size);
}

// "2.conv.0.weight" -> "3.conv.0.weight" with shift 1; nothing when the name
// does not begin with a layer's number.
std::optional<std::string> ShiftIndex(std::string_view name, int shift) {
  int index = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc() || index < 0 || index > 1000 ||
      end == name.data() + name.size() || *end != '.') {
    return std::nullopt;
  }
  const std::string_view rest = name.substr(end - name.data());
  return std::to_string(index + shift) + std::string(rest);
}

bool Any(const TensorFile& file, std::string_view prefix) {
  for (const TensorView& tensor : file.tensors) {
    const std::string_view name = tensor.name;
    if (name.substr(WrapperOf(name).size()).starts_with(prefix)) return true;
  }
  return false;
}

const TensorView* Get(const DecoderTensors& decoder, const char* name) {
  const auto found = decoder.by_name.find(name);
  return found == decoder.by_name.end() ? nullptr : found->second;
}

// Extent `axis` of the tensor's shape; 0 when it has none.
int64_t Dim(const TensorView* tensor, size_t axis) {
  if (tensor == nullptr || axis >= tensor->dims.size()) return 0;
  return tensor->dims[axis];
}

// Other decoders of the same family, by their shapes.
std::string DescribeFamily(const DecoderTensors& decoder) {
  const TensorView* first = Get(decoder, "1.weight");
  const TensorView* conv = Get(decoder, "3.conv.0.weight");
  const std::string channels = std::to_string(Dim(first, 1));
  if (conv != nullptr && Dim(conv, 0) > 0 && Dim(conv, 1) == 2 * Dim(conv, 0)) {
    return "a TAEHV video decoder of " + channels +
           " latent channels, which is not supported";
  }
  if (Dim(first, 0) != 256) return "";
  const TensorView* last = Get(decoder, "19.weight");
  if (Dim(last, 0) == 16 || Dim(last, 0) == 12) {
    return "a 16x decoder (TAEQI2.1, " + channels +
           " latent channels), which is not supported";
  }
  return "a decoder of 256 channels (as the 32x TAESANA, " + channels +
         " latent channels), which is not supported";
}

std::string_view CommonStart(const TensorFile& file) {
  if (file.tensors.empty()) return {};
  std::string_view common = file.tensors.front().name;
  for (const TensorView& tensor : file.tensors) {
    const auto [differs, unused] = std::mismatch(
        common.begin(), common.end(), tensor.name.begin(), tensor.name.end());
    common = common.substr(0, static_cast<size_t>(differs - common.begin()));
  }
  return common;
}

DecoderTensors FindBehind(std::string_view wrapper, const TensorFile& file) {
  for (const StyleRow& row : kStyles) {
    const std::string prefix = std::string(wrapper) + std::string(row.prefix);
    DecoderTensors found;
    for (const TensorView& tensor : file.tensors) {
      const std::string_view name = tensor.name;
      if (!name.starts_with(prefix)) continue;
      std::optional<std::string> upstream =
          ShiftIndex(name.substr(prefix.size()), row.index_shift);
      if (upstream) found.by_name.emplace(*std::move(upstream), &tensor);
    }
    // Upstream's encoder begins with layer 0, where a decoder has its clamp.
    if (found.by_name.empty() || found.by_name.contains("0.weight")) continue;
    found.style = row.style;
    return found;
  }
  return {};
}

}  // namespace

// Names without a wrapper come first, then wrapper by wrapper, so that a file
// with two copies (as weights and their moving average) gives one of them. What
// all names begin with is a wrapper, too, up to any of its dots.
DecoderTensors FindDecoderTensors(const TensorFile& file) {
  std::set<std::string_view> wrappers = {""};
  for (const TensorView& tensor : file.tensors)
    wrappers.insert(WrapperOf(tensor.name));
  const std::string_view common = CommonStart(file);
  for (size_t dot = common.find('.'); dot != common.npos;
       dot = common.find('.', dot + 1))
    wrappers.insert(common.substr(0, dot + 1));
  for (const std::string_view wrapper : wrappers) {
    DecoderTensors found = FindBehind(wrapper, file);
    if (!found.by_name.empty()) return found;
  }
  return {};
}

std::string DescribeForeign(const TensorFile& file,
                            const DecoderTensors& decoder) {
  if (file.tensors.empty() && !file.skipped.empty()) {
    return "a file without a tensor of F16, BF16, F32 or F64; its first is " +
           file.skipped.front();
  }
  if (Any(file, "decoder.conv_in.") || Any(file, "decoder.up_blocks.") ||
      Any(file, "decoder.up.")) {
    return "a full VAE, not a tiny decoder";
  }
  if (!decoder.by_name.empty()) return DescribeFamily(decoder);
  const TensorView* first = file.Find("0.weight");
  if (Dim(first, 1) == 3 || Any(file, "encoder.") ||
      Any(file, "taesd_encoder.")) {
    return "an encoder (pixels to latent); the decoder is wanted";
  }
  if (file.Find("latent") != nullptr || file.Find("latent_tensor") != nullptr) {
    return "a latent, not a file of weights";
  }
  return "";
}

}  // namespace tae
