// Weights from the network's order into the order of the kernels, once per
// model. Plain C++ for every table: lanes say how a table orders channels.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.h"

namespace tae {

// nullptr when memory is out. in_channels <= 64; missing ones become zeros.
template <int kLanes>
PackedLayer* PackConvInt16(const ConvWeights& conv);
template <int kLanes>
PackedLayer* PackUpConvInt16(const ConvWeights& conv);
template <int kLanes>
PackedLayer* PackRgbInt16(const ConvWeights& conv);

// For AMX (amx-inl.h): each weight as the sum of kParts bf16.
template <int kParts>
PackedLayer* PackConvBFloat(const ConvWeights& conv);
template <int kParts>
PackedLayer* PackUpConvBFloat(const ConvWeights& conv);

// For AMX (direct-inl.h): each weight as kParts bytes.
template <int kParts>
PackedLayer* PackConvDirect(const ConvWeights& conv);
template <int kParts>
PackedLayer* PackUpConvDirect(const ConvWeights& conv);
PackedLayer* PackRgbDirect(const ConvWeights& conv);  // rgb_tiles-inl.h

PackedLayer* PackConvFloat(const ConvWeights& conv);
PackedLayer* PackUpConvFloat(const ConvWeights& conv);
PackedLayer* PackRgbFloat(const ConvWeights& conv);

// The layers of a pool have no bias (PoolWeights). Expansion as floats,
// contraction as floats or on tiles of bf16 (pool_tiles-inl.h).
PackedLayer* PackPool(const PoolWeights& pool);
PackedLayer* PackPoolTiles(const PoolWeights& pool);

// The group norm of the plane that `stats` are of, as a factor and a bias for
// each of the kPoolWidth outputs of the expansion.
void NormalisePool(const PackedLayer* layer, const double* stats, double pixels,
                   double* factor, float* bias);
// Of both, a FoldedPool in floats.
void FoldPool(const PackedLayer* layer, const double* stats, double pixels,
              void* folded);

void FreePacked(PackedLayer* layer);
size_t PackedBytes(const PackedLayer* layer);

}  // namespace tae
