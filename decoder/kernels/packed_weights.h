// A model's weights as one kernel table wants them, packed on first use.
#pragma once

#include "kernels/kernel_table.h"
#include "model/packed_weights.h"

namespace tae {

enum class PackAs { kConv, kUpconv, kRgb, kPool };

// Packed weights of convs[part] (or pool[part]) of spec().layers[layer]. Owned
// by the model and shared by all plans of all shapes; null when out of memory.
// Threads: any.
inline const PackedLayer* PackedWeights(const Model& model,
                                        const KernelTable& table, PackAs as,
                                        int layer, int part) {
  const auto pack = [&]() -> PackedEntry {
    const LayerWeights& weights = model.layers()[layer];
    PackedLayer* packed = nullptr;
    switch (as) {
      case PackAs::kConv:
        packed = table.pack_conv(weights.convs[part]);
        break;
      case PackAs::kUpconv:
        packed = table.pack_upconv(weights.convs[part]);
        break;
      case PackAs::kRgb:
        packed = table.pack_rgb(weights.convs[part]);
        break;
      case PackAs::kPool:
        packed = table.pack_pool(weights.pool[part]);
        break;
    }
    if (packed == nullptr) return {};
    return {.data = packed,
            .bytes = table.layer_bytes(packed),
            .free =
                [](void* context, void* data) {
                  static_cast<const KernelTable*>(context)->free_layer(
                      static_cast<PackedLayer*>(data));
                },
            .context = const_cast<KernelTable*>(&table)};
  };
  const PackedKey key{&table, static_cast<int>(as), layer, part};
  return static_cast<const PackedLayer*>(model.packed().GetOrPack(key, pack));
}

}  // namespace tae
