// Payloads whose stored scalars are not handed out as they are: float64, 8 bit
// with a scale a channel, and old ComfyUI files.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/half.h"
#include "io/latent_layout.h"
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

// Which channel a scalar belongs to; `plane` scalars lie together where the
// channels are not the innermost dimension.
class Channels {
 public:
  Channels(size_t channels, size_t plane, bool last)
      : channels_(channels), run_(last ? 1 : std::max<size_t>(1, plane)) {}
  size_t Of(size_t scalar) const { return scalar / run_ % channels_; }

 private:
  size_t channels_;
  size_t run_;
};

// Scalars of one channel of one latent of the batch.
size_t PlaneOf(const LatentHeader& header, size_t channels, size_t scalars) {
  const auto batch = static_cast<size_t>(
      channels > 1 && !header.dims.empty() ? header.dims[0] : 1);
  return scalars / std::max<size_t>(1, batch * channels);
}

// What one channel's finite numbers span; 0..255 stand for low..high.
struct Range {
  float low = 0;
  float high = 0;
  bool any = false;

  void Add(float value) {
    if (!std::isfinite(value)) return;
    low = any ? std::min(low, value) : value;
    high = any ? std::max(high, value) : value;
    any = true;
  }
  float scale() const { return high > low ? (high - low) / 255 : 1; }
};

uint8_t Quantise(float value, const Range& range) {
  const float level = (value - range.low) / range.scale();
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
  const size_t scales = std::max<size_t>(1, header.scale.size());
  const Channels channels(scales, PlaneOf(header, scales, count),
                          header.channels_last);
  for (size_t i = 0; i < count; ++i) {
    const size_t channel = channels.Of(i);
    double value = LoadStored(header.stored, in, i);
    if (!header.scale.empty()) value *= header.scale[channel];
    if (!header.offset.empty()) value += header.offset[channel];
    StoreScalar(header.dtype, static_cast<float>(value), out, i);
  }
}

StatusOr<std::string> EncodeLatent8(const LatentView& latent,
                                    LatentMetadata metadata, int batch) {
  std::vector<int64_t> dims = DimsOf(latent);
  dims[0] = batch;
  const bool last = ChannelsLast(latent.layout);
  const size_t count = static_cast<size_t>(last ? dims.back() : dims[1]);
  if (latent.size != static_cast<size_t>(latent.channels) *
                         latent.extent.height * latent.extent.width *
                         SizeOf(latent.dtype) ||
      latent.size == 0 || batch < 1)
    return InvalidArgument("latent stream: the latent's size is not its shape");
  const size_t scalars = latent.size / SizeOf(latent.dtype);
  std::vector<float> values(scalars * static_cast<size_t>(batch));
  LoadFloats(latent.dtype, latent.data, values.size(), values.data());
  const Channels channels(count, scalars / count, last);

  std::vector<Range> ranges(count);
  for (size_t i = 0; i < values.size(); ++i)
    ranges[channels.Of(i)].Add(values[i]);
  std::string payload(values.size(), '\0');
  for (size_t i = 0; i < values.size(); ++i)
    payload[i] = static_cast<char>(Quantise(values[i], ranges[channels.Of(i)]));

  std::string scales, offsets;
  for (const Range& range : ranges) {
    Append(range.scale(), &scales);
    Append(range.low, &offsets);
  }
  metadata["quant_scale"] = scales;
  metadata["quant_offset"] = offsets;
  DescribeView(latent, &metadata);
  StatusOr<std::string> message =
      EncodeLatentHeader(StoredType::kU8, dims, payload.size(), metadata);
  if (!message.ok()) return message.status();
  *message += payload;
  return message;
}

}  // namespace tae
