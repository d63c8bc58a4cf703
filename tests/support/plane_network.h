// A whole network on one kernel table, plane after plane and thread-free: the
// simplest caller of the kernels, for tests of their accuracy.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "kernels/kernel_table.h"
#include "model/model.h"

namespace tae::testing {

// 64-aligned zeroed bytes.
class AlignedBytes {
 public:
  explicit AlignedBytes(size_t bytes)
      : data_(
            static_cast<char*>(::operator new (bytes, std::align_val_t{64}))) {
    std::memset(data_, 0, bytes);
  }
  AlignedBytes(AlignedBytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)) {}
  AlignedBytes& operator=(AlignedBytes&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~AlignedBytes() { ::operator delete (data_, std::align_val_t{64}); }
  char* data() const { return data_; }

 private:
  char* data_;
};

class PlaneNetwork {
 public:
  PlaneNetwork(const Model& model, const KernelTable& table)
      : model_(model), table_(table), scratch_(table.scratch_bytes) {
    const auto& layers = model.spec().layers;
    packed_.resize(layers.size());
    for (size_t i = 0; i < layers.size(); ++i) Pack(i);
  }

  // latent: [channels][height][width], sampler's domain. Returns [3][8 height]
  // [8 width] before the clamp.
  std::vector<float> Run(const float* latent, int height, int width) {
    const auto& layers = model_.spec().layers;
    Plane x = Load(latent, layers[0].in_channels, height, width);
    for (size_t i = 1; i < layers.size(); ++i) {
      const LayerSpec& layer = layers[i];
      if (layer.kind == LayerKind::kBlock) {
        x = Block(i, std::move(x));
      } else if (layer.kind == LayerKind::kUpsample2) {
        x = Upsample(packed_[i + 1][0].get(), x);
        ++i;
      } else if (layer.kind == LayerKind::kConv3x3 && layer.out_channels == 3) {
        return Last(packed_[i][0].get(), x);
      } else if (layer.kind == LayerKind::kConv3x3) {
        const bool relu = layers[i + 1].kind == LayerKind::kRelu;
        x = Conv(packed_[i][0].get(), x, nullptr, relu);
      }
    }
    return {};
  }

 private:
  using Packed = std::shared_ptr<PackedLayer>;

  struct Plane {
    Plane(int height, int width, const KernelTable& table)
        : height(height),
          width(width),
          row_bytes(RowBytes(width, table.bytes_per_channel)),
          bytes(row_bytes * (height + 1)) {}
    // Row -1 is a row of zeros, and stands for every row outside.
    char* Row(int y) const {
      return bytes.data() + (y >= 0 && y < height ? y + 1 : 0) * row_bytes;
    }
    char* OutRow(int y) const {
      return y >= 0 && y < height ? Row(y) : nullptr;
    }
    int height, width;
    size_t row_bytes;
    AlignedBytes bytes;
  };

  void Pack(size_t i) {
    const LayerSpec& layer = model_.spec().layers[i];
    const LayerWeights& weights = model_.layers()[i];
    const auto own = [&](PackedLayer* packed) {
      packed_[i].push_back(Packed(packed, table_.free_layer));
    };
    for (const ConvWeights& conv : weights.convs) {
      const bool up =
          i > 0 && model_.spec().layers[i - 1].kind == LayerKind::kUpsample2;
      own(up                        ? table_.pack_upconv(conv)
          : layer.out_channels == 3 ? table_.pack_rgb(conv)
                                    : table_.pack_conv(conv));
    }
    for (const PoolWeights& pool : weights.pool) own(table_.pack_pool(pool));
  }

  Plane Load(const float* latent, int channels, int height, int width) {
    Plane out(height, width, table_);
    std::vector<float> row(size_t(channels) * width);
    for (int y = 0; y < height; ++y) {
      for (int c = 0; c < channels; ++c)
        std::copy_n(latent + (size_t(c) * height + y) * width, width,
                    row.data() + size_t(c) * width);
      table_.load(LoadTask{row.data(), channels, width, out.Row(y)});
    }
    return out;
  }

  Plane Conv(const PackedLayer* layer, const Plane& in, const Plane* skip,
             bool relu) {
    Plane out(in.height, in.width, table_);
    for (int y = 0; y < in.height; y += kTile) {
      ConvTask task = {};
      for (int r = 0; r < 6; ++r) task.in[r] = in.Row(y - 1 + r);
      for (int r = 0; r < 4; ++r) {
        task.out[r] = out.OutRow(y + r);
        task.skip[r] = skip == nullptr ? nullptr : skip->Row(y + r);
      }
      task.tile_end = (in.width + kTile - 1) / kTile;
      task.width = in.width;
      task.relu = relu;
      table_.conv(layer, task, scratch_.data());
    }
    return out;
  }

  Plane Block(size_t i, Plane x) {
    const auto& packed = packed_[i];
    if (packed.size() > 3) Pool(packed[3].get(), &x);
    const Plane a = Conv(packed[0].get(), x, nullptr, true);
    const Plane b = Conv(packed[1].get(), a, nullptr, true);
    return Conv(packed[2].get(), b, &x, true);
  }

  void Pool(const PackedLayer* layer, Plane* x) {
    std::vector<double> total(table_.pool_stats_floats);
    for (int y = 0; y < x->height; ++y) {
      std::vector<float> part(total.size());
      const void* row = x->Row(y);
      table_.pool_stats(&row, 1, x->width, part.data(), scratch_.data());
      for (size_t k = 0; k < total.size(); ++k) total[k] += part[k];
    }
    const AlignedBytes folded(table_.pool_folded_bytes);
    table_.fold_pool(layer, total.data(), double(x->height) * x->width,
                     folded.data());
    for (int y = 0; y < x->height; ++y)
      table_.pool(folded.data(), PoolTask{x->Row(y), 0, x->width},
                  scratch_.data());
  }

  Plane Upsample(const PackedLayer* layer, const Plane& in) {
    Plane out(2 * in.height, 2 * in.width, table_);
    for (int t = 0; t <= in.height / 2; ++t) {
      UpConvTask task = {};
      for (int r = 0; r < 3; ++r) task.in[r] = in.Row(2 * t - 1 + r);
      for (int r = 0; r < 4; ++r) task.out[r] = out.OutRow(4 * t - 1 + r);
      task.tile_end = in.width / 2 + 1;
      task.in_width = in.width;
      table_.upconv(layer, task, scratch_.data());
    }
    return out;
  }

  std::vector<float> Last(const PackedLayer* layer, const Plane& in) {
    std::vector<float> out(size_t(3) * in.height * in.width);
    for (int y = 0; y < in.height; y += kTile) {
      RgbTask task = {};
      for (int r = 0; r < 6; ++r) task.in[r] = in.Row(y - 1 + r);
      for (int c = 0; c < 3; ++c)
        for (int r = 0; r < 4 && y + r < in.height; ++r)
          task.rgb[c][r] =
              out.data() + (size_t(c) * in.height + y + r) * in.width;
      task.tile_end = (in.width + kTile - 1) / kTile;
      task.width = in.width;
      table_.rgb(layer, task, scratch_.data());
    }
    return out;
  }

  const Model& model_;
  const KernelTable& table_;
  AlignedBytes scratch_;
  std::vector<std::vector<Packed>> packed_;
};

}  // namespace tae::testing
