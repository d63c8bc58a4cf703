// Payloads whose stored scalars are not handed out as they are: float64, 8 bit
// with a scale a channel, and old ComfyUI files.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include "base/half.h"
#include "tae/latent_stream.h"

namespace tae {
namespace {

double LoadStored(StoredType stored, const uint8_t* bytes, size_t index) {
  switch (stored) {
    case StoredType::kU8:
      return bytes[index];
    case StoredType::kF64: {
      double value;
      std::memcpy(&value, bytes + 8 * index, sizeof(value));
      return value;
    }
    case StoredType::kF32: {
      float value;
      std::memcpy(&value, bytes + 4 * index, sizeof(value));
      return value;
    }
    case StoredType::kF16:
    case StoredType::kBF16:
      break;
  }
  uint16_t bits;
  std::memcpy(&bits, bytes + 2 * index, sizeof(bits));
  return stored == StoredType::kF16 ? FloatFromF16(bits) : FloatFromBF16(bits);
}

void StoreScalar(DType dtype, float value, uint8_t* bytes, size_t index) {
  if (dtype == DType::kF32) {
    std::memcpy(bytes + 4 * index, &value, sizeof(value));
    return;
  }
  const uint16_t bits =
      dtype == DType::kF16 ? F16FromFloat(value) : BF16FromFloat(value);
  std::memcpy(bytes + 2 * index, &bits, sizeof(bits));
}

// The affine map of one channel onto 0..255.
struct Range {
  float scale = 1;
  float offset = 0;
};

Range RangeOf(const float* values, size_t count) {
  float low = 0, high = 0;
  bool any = false;
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) continue;
    low = any ? std::min(low, values[i]) : values[i];
    high = any ? std::max(high, values[i]) : values[i];
    any = true;
  }
  return {high > low ? (high - low) / 255 : 1, low};
}

uint8_t Quantise(float value, const Range& range) {
  const float level = (value - range.offset) / range.scale;
  // Written so that NaN becomes 0.
  return level > 0 ? static_cast<uint8_t>(std::lround(std::min(level, 255.0f)))
                   : 0;
}

void Append(float value, std::string* list) {
  char text[40];
  const auto result = std::to_chars(text, text + sizeof(text), value);
  if (!list->empty()) *list += ' ';
  list->append(text, result.ptr);
}

}  // namespace

void ConvertPayload(const LatentHeader& header, const void* stored,
                    void* payload) {
  if (!header.converts()) {
    std::memcpy(payload, stored, header.payload_size);
    return;
  }
  const auto* in = static_cast<const uint8_t*>(stored);
  auto* out = static_cast<uint8_t*>(payload);
  const size_t count = header.payload_size / SizeOf(header.dtype);
  const size_t groups = std::max<size_t>(1, header.scale.size());
  const size_t group_size = std::max<size_t>(1, count / groups);
  for (size_t i = 0; i < count; ++i) {
    const size_t group = i / group_size;
    double value = LoadStored(header.stored, in, i);
    if (!header.scale.empty()) value *= header.scale[group];
    if (!header.offset.empty()) value += header.offset[group];
    StoreScalar(header.dtype, static_cast<float>(value), out, i);
  }
}

StatusOr<std::string> EncodeLatent8(const LatentView& latent,
                                    LatentMetadata metadata) {
  if (latent.layout != LatentLayout::kNchw)
    return Unsupported("8-bit latents must be of layout nchw");
  const size_t plane =
      static_cast<size_t>(latent.extent.height) * latent.extent.width;
  const size_t channels = static_cast<size_t>(latent.channels);
  std::vector<float> values(channels * plane);
  LoadFloats(latent.dtype, latent.data, values.size(), values.data());

  std::string payload(values.size(), '\0');
  std::string scales, offsets;
  for (size_t c = 0; c < channels; ++c) {
    const float* in = values.data() + c * plane;
    const Range range = RangeOf(in, plane);
    for (size_t i = 0; i < plane; ++i)
      payload[c * plane + i] = static_cast<char>(Quantise(in[i], range));
    Append(range.scale, &scales);
    Append(range.offset, &offsets);
  }
  metadata["quant_scale"] = scales;
  metadata["quant_offset"] = offsets;
  StatusOr<std::string> message = EncodeLatentHeader(
      StoredType::kU8,
      {1, latent.channels, latent.extent.height, latent.extent.width},
      payload.size(), metadata);
  if (!message.ok()) return message.status();
  *message += payload;
  return message;
}

}  // namespace tae
