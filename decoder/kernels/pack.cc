// Packing of convolutions: transforms of the weights and their quantisation.
#include "kernels/pack.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/half.h"
#include "kernels/pack_bfloat.h"
#include "kernels/packed_block.h"
#include "kernels/packed_layout.h"
#include "kernels/winograd.h"

namespace tae {
namespace {

using winograd::kG;
using winograd::kInputMax;
using winograd::kPositions;
using winograd::kUpPositions;

constexpr int kPlane = kChannels * kChannels;

// Weights of all positions as doubles, [position][in][out].
using Positions = std::vector<double>;

double Tap(const ConvWeights& conv, int out, int in, int y, int x) {
  return conv.weight[((size_t(out) * conv.in_channels + in) * 3 + y) * 3 + x];
}

// G g G^T, [36][in][out].
Positions TransformConv(const ConvWeights& conv) {
  Positions u(size_t(kPositions) * kPlane);
  for (int out = 0; out < conv.out_channels; ++out)
    for (int in = 0; in < conv.in_channels; ++in)
      for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 6; ++j) {
          double sum = 0;
          for (int y = 0; y < 3; ++y)
            for (int x = 0; x < 3; ++x)
              sum += kG[i][y] * kG[j][x] * Tap(conv, out, in, y, x);
          u[size_t(i * 6 + j) * kPlane + in * kChannels + out] = sum;
        }
  return u;
}

// The five weight sums of one axis of an upsampling convolution (winograd.h).
double UpSum(int position, double w0, double w1, double w2) {
  switch (position) {
    case 0:
      return w0 + w1 + w2;
    case 1:
      return w0;
    case 2:
      return w0 + w1;
    case 3:
      return w2;
    default:
      return w1 + w2;
  }
}

Positions TransformUpConv(const ConvWeights& conv) {
  Positions u(size_t(kUpPositions) * kPlane);
  for (int out = 0; out < conv.out_channels; ++out)
    for (int in = 0; in < conv.in_channels; ++in)
      for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 5; ++j) {
          double row[3];
          for (int y = 0; y < 3; ++y)
            row[y] = UpSum(j, Tap(conv, out, in, y, 0),
                           Tap(conv, out, in, y, 1), Tap(conv, out, in, y, 2));
          u[size_t(i * 5 + j) * kPlane + in * kChannels + out] =
              UpSum(i, row[0], row[1], row[2]);
        }
  return u;
}

// Scales of each output channel over all positions, such that `terms` sums of
// products can be added (kNormMax).
std::vector<double> OutputScales(const Positions& u, int terms) {
  std::vector<double> scales(kChannels, 1e-30);
  for (size_t p = 0; p < u.size() / kPlane; ++p)
    for (int out = 0; out < kChannels; ++out) {
      double largest = 0, squares = 0;
      for (int in = 0; in < kChannels; ++in) {
        const double w = std::abs(u[p * kPlane + in * kChannels + out]);
        largest = std::max(largest, w);
        squares += w * w;
      }
      scales[out] = std::max({scales[out], largest / winograd::kInt16Max,
                              std::sqrt(squares) * terms /
                                  (winograd::kNormMax - 4 * (terms - 1))});
    }
  return scales;
}

// [position][pair][out][2], divided by the output channel's scale.
void StoreInt16(const Positions& u, const std::vector<double>& scales,
                int lanes, int16_t* to) {
  for (size_t p = 0; p < u.size() / kPlane; ++p)
    for (int pair = 0; pair < kChannels / 2; ++pair)
      for (int out = 0; out < kChannels; ++out)
        for (int half = 0; half < 2; ++half) {
          const int in = ChannelOfPair(pair, lanes) + half * lanes;
          *to++ = static_cast<int16_t>(
              std::lrint(u[p * kPlane + in * kChannels + out] / scales[out]));
        }
}

void StoreBFloats(const Positions& u, int parts, uint16_t* to) {
  for (size_t p = 0; p < u.size() / kPlane; ++p)
    for (int in = 0; in < kChannels; ++in)
      for (int out = 0; out < kChannels; ++out)
        StoreBFloat(u[p * kPlane + in * kChannels + out], in, out, parts,
                    to + p * BFloatSquare(parts));
}

// Divides position (i, j) by the norms that the kernels multiply back.
void Normalise(Positions* u, bool balance) {
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j) {
      double norm = winograd::kWeightNorm[i] * winograd::kWeightNorm[j];
      if (balance) norm *= winograd::kBalance[i] * winograd::kBalance[j];
      for (int k = 0; k < kPlane; ++k) (*u)[(i * 6 + j) * kPlane + k] /= norm;
    }
}

void StoreScalePowers(const double* scales, float* to) {
  for (int power = 0; power < winograd::kScalePowers; ++power)
    for (int out = 0; out < kChannels; ++out)
      *to++ = static_cast<float>(std::pow(winograd::kRowFactor, power) *
                                 (scales == nullptr ? 1.0 : scales[out]));
}

void StoreBias(const ConvWeights& conv, float* to) {
  for (size_t i = 0; i < conv.bias.size() && i < size_t(kChannels); ++i)
    to[i] = conv.bias[i];
}

constexpr size_t kConvVectors =
    Align64(winograd::kScalePowers * kChannels * sizeof(float)) +
    Align64(kChannels * sizeof(float));

PackedConv* NewPackedConv(const ConvWeights& conv, const double* scales,
                          size_t weight_bytes, void** weights) {
  auto* layer = NewPacked<PackedConv>(Align64(weight_bytes) + kConvVectors);
  if (layer == nullptr) return nullptr;
  PackedArrays arrays(layer);
  *weights = arrays.Take<char>(weight_bytes);
  float* scale = arrays.Take<float>(winograd::kScalePowers * kChannels);
  float* bias = arrays.Take<float>(kChannels);
  StoreScalePowers(scales, scale);
  StoreBias(conv, bias);
  layer->weights = *weights;
  layer->scale = scale;
  layer->bias = bias;
  return layer;
}

PackedUpConv* NewPackedUpConv(const ConvWeights& conv, size_t weight_bytes,
                              void** weights, float** scale) {
  auto* layer = NewPacked<PackedUpConv>(Align64(weight_bytes) +
                                        2 * Align64(kChannels * sizeof(float)));
  if (layer == nullptr) return nullptr;
  PackedArrays arrays(layer);
  *weights = arrays.Take<char>(weight_bytes);
  *scale = arrays.Take<float>(kChannels);
  float* bias = arrays.Take<float>(kChannels);
  StoreBias(conv, bias);
  layer->weights = *weights;
  layer->scale = *scale;
  layer->bias = bias;
  return layer;
}

PackedRgb* NewPackedRgb(const ConvWeights& conv, size_t weight_bytes,
                        void** weights) {
  auto* layer = NewPacked<PackedRgb>(Align64(weight_bytes));
  if (layer == nullptr) return nullptr;
  *weights = PackedArrays(layer).Take<char>(weight_bytes);
  layer->weights = *weights;
  for (size_t c = 0; c < 3; ++c) {
    layer->scale[c] = 1;
    layer->bias[c] = c < conv.bias.size() ? conv.bias[c] : 0;
  }
  return layer;
}

// Smallest scale s such that weights / s, rounded, fit an int16 and no sum of
// `count` products with inputs up to kInputMax can leave an int32.
double Int16Scale(double largest, double sum, int count) {
  const double limit = (2147483647.0 - 0.5 * count * kInputMax) / kInputMax;
  return std::max({largest / winograd::kInt16Max, sum / limit, 1e-30});
}

// A sum of the last convolution runs over the rows dy and all inputs.
double RgbScale(const ConvWeights& conv, int out) {
  double scale = 0;
  for (int x = 0; x < 3; ++x) {
    double largest = 0, sum = 0;
    for (int in = 0; in < conv.in_channels; ++in)
      for (int y = 0; y < 3; ++y) {
        const double w = std::abs(Tap(conv, out, in, y, x));
        largest = std::max(largest, w);
        sum += w;
      }
    scale = std::max(scale, Int16Scale(largest, sum, 3 * kChannels));
  }
  return scale;
}

}  // namespace

template <int kLanes>
PackedLayer* PackConvInt16(const ConvWeights& conv) {
  Positions u = TransformConv(conv);
  Normalise(&u, /*balance=*/true);
  const std::vector<double> scales = OutputScales(u, 1);
  void* weights = nullptr;
  auto* layer =
      NewPackedConv(conv, scales.data(), u.size() * sizeof(int16_t), &weights);
  if (layer != nullptr)
    StoreInt16(u, scales, kLanes, static_cast<int16_t*>(weights));
  return ToPacked(layer);
}

template <int kLanes>
PackedLayer* PackUpConvInt16(const ConvWeights& conv) {
  const Positions u = TransformUpConv(conv);
  // Two positions are added before the conversion to float.
  const std::vector<double> scales = OutputScales(u, 2);
  void* weights = nullptr;
  float* scale = nullptr;
  auto* layer =
      NewPackedUpConv(conv, u.size() * sizeof(int16_t), &weights, &scale);
  if (layer == nullptr) return nullptr;
  StoreInt16(u, scales, kLanes, static_cast<int16_t*>(weights));
  std::copy(scales.begin(), scales.end(), scale);
  return ToPacked(layer);
}

template <int kLanes>
PackedLayer* PackRgbInt16(const ConvWeights& conv) {
  void* weights = nullptr;
  auto* layer = NewPackedRgb(conv, 27 * kChannels * sizeof(int16_t), &weights);
  if (layer == nullptr) return nullptr;
  auto* to = static_cast<int16_t*>(weights);
  double scales[3];
  for (int out = 0; out < 3; ++out) {
    scales[out] = RgbScale(conv, out);
    layer->scale[out] = static_cast<float>(scales[out]);
  }
  for (int y = 0; y < 3; ++y)
    for (int pair = 0; pair < kChannels / 2; ++pair)
      for (int tap = 0; tap < 9; ++tap)
        for (int half = 0; half < 2; ++half, ++to) {
          const int in = ChannelOfPair(pair, kLanes) + half * kLanes;
          const int out = tap % 3;
          if (in < conv.in_channels)
            *to = static_cast<int16_t>(
                std::lrint(Tap(conv, out, in, y, tap / 3) / scales[out]));
        }
  return ToPacked(layer);
}

template <int kParts>
PackedLayer* PackConvBFloat(const ConvWeights& conv) {
  Positions u = TransformConv(conv);
  Normalise(&u, /*balance=*/false);
  void* weights = nullptr;
  auto* layer = NewPackedConv(conv, nullptr,
                              kParts * u.size() * sizeof(uint16_t), &weights);
  if (layer != nullptr)
    StoreBFloats(u, kParts, static_cast<uint16_t*>(weights));
  return ToPacked(layer);
}

template <int kParts>
PackedLayer* PackUpConvBFloat(const ConvWeights& conv) {
  const Positions u = TransformUpConv(conv);
  void* weights = nullptr;
  float* scale = nullptr;
  auto* layer = NewPackedUpConv(conv, kParts * u.size() * sizeof(uint16_t),
                                &weights, &scale);
  if (layer == nullptr) return nullptr;
  StoreBFloats(u, kParts, static_cast<uint16_t*>(weights));
  std::fill(scale, scale + kChannels, 1.0f);
  return ToPacked(layer);
}

PackedLayer* PackConvFloat(const ConvWeights& conv) {
  Positions u = TransformConv(conv);
  Normalise(&u, /*balance=*/false);
  void* weights = nullptr;
  auto* layer =
      NewPackedConv(conv, nullptr, u.size() * sizeof(float), &weights);
  if (layer != nullptr)
    std::copy(u.begin(), u.end(), static_cast<float*>(weights));
  return ToPacked(layer);
}

PackedLayer* PackUpConvFloat(const ConvWeights& conv) {
  const Positions u = TransformUpConv(conv);
  void* weights = nullptr;
  float* scale = nullptr;
  auto* layer =
      NewPackedUpConv(conv, u.size() * sizeof(float), &weights, &scale);
  if (layer == nullptr) return nullptr;
  std::copy(u.begin(), u.end(), static_cast<float*>(weights));
  std::fill(scale, scale + kChannels, 1.0f);
  return ToPacked(layer);
}

PackedLayer* PackRgbFloat(const ConvWeights& conv) {
  void* weights = nullptr;
  auto* layer = NewPackedRgb(conv, 27 * kChannels * sizeof(float), &weights);
  if (layer == nullptr) return nullptr;
  auto* to = static_cast<float*>(weights);
  for (int y = 0; y < 3; ++y)
    for (int in = 0; in < kChannels; ++in)
      for (int tap = 0; tap < 9; ++tap, ++to)
        if (in < conv.in_channels)
          *to = static_cast<float>(Tap(conv, tap % 3, in, y, tap / 3));
  return ToPacked(layer);
}

void FreePacked(PackedLayer* layer) {
  ::operator delete(static_cast<void*>(layer), kPackedAlignment);
}

size_t PackedBytes(const PackedLayer* layer) {
  return reinterpret_cast<const PackedHeader*>(layer)->bytes;
}

template PackedLayer* PackConvBFloat<2>(const ConvWeights&);
template PackedLayer* PackUpConvBFloat<2>(const ConvWeights&);
template PackedLayer* PackConvInt16<4>(const ConvWeights&);
template PackedLayer* PackConvInt16<8>(const ConvWeights&);
template PackedLayer* PackConvInt16<16>(const ConvWeights&);
template PackedLayer* PackUpConvInt16<4>(const ConvWeights&);
template PackedLayer* PackUpConvInt16<8>(const ConvWeights&);
template PackedLayer* PackUpConvInt16<16>(const ConvWeights&);
template PackedLayer* PackRgbInt16<4>(const ConvWeights&);
template PackedLayer* PackRgbInt16<8>(const ConvWeights&);
template PackedLayer* PackRgbInt16<16>(const ConvWeights&);

}  // namespace tae
