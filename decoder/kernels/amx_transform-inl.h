// Input transforms of winograd-inl.h and upconv-inl.h for the products of
// amx-inl.h. Needs all three before it.
namespace tae {
namespace {

template <class T, int kProducts>
TAE_NOINLINE void TransformInput(const T* const in[6], int tile, bool first,
                                 WinogradScratch<BFloatProduct<kProducts>>* s,
                                 int slot) {
  using P = BFloatProduct<kProducts>;
  const float* column[6];
  for (int c = 0; c < kChannels; c += 2 * kLanes) {
    for (int side = 0; side < 2; ++side)
      TransformColumns(in, tile, first ? 0 : 2, c + side * kLanes,
                       s->columns + (c + side * kLanes) * 36);
    for (int x = 0; x < 6; ++x)
      column[x] = s->columns + c * 36 + (tile * kTile + x) % 6 * 6 * kLanes;
    int32_t* to = s->inputs + slot * P::kUnits + c / 2;
    for (int i = 0; i < 6; ++i) {
      Float d[6], a[6], b[6];
      TAE_UNROLL for (int x = 0; x < 6; ++x) d[x] =
          Load(column[x] + i * kLanes);
      BtRow(d, a);
      TAE_UNROLL for (int x = 0; x < 6; ++x) d[x] =
          Load(column[x] + kLanes * 36 + i * kLanes);
      BtRow(d, b);
      TAE_UNROLL for (int j = 0; j < 6; ++j)
          StoreSplit(a[j], b[j], to + (i * 6 + j) * s->kInputStride);
    }
  }
  s->scale[slot] = 1;
}

template <class T, int kProducts>
void UpTransformInput(const T* const row[3], const UpConvTask& task, int tile,
                      UpScratch<BFloatProduct<kProducts>>* s, int slot) {
  using P = BFloatProduct<kProducts>;
  const size_t offset = size_t(2 * tile) * kChannels;
  const size_t right = RightStep(task, tile);
  for (int c = 0; c < kChannels; c += kLanes)
    UpTransformVector(row, offset + c, right, s->tile + c, kChannels);
  for (int p = 0; p < winograd::kUpInputs; ++p)
    for (int c = 0; c < kChannels; c += 2 * kLanes)
      StoreSplit(Load(s->tile + p * kChannels + c),
                 Load(s->tile + p * kChannels + c + kLanes),
                 s->inputs + p * s->kInputStride + slot * P::kUnits + c / 2);
  s->scale[slot] = 1;
}

// With tile registers held for the call.
template <class P, class T>
void ConvOnTiles(const PackedLayer* layer, const ConvTask& task,
                 void* scratch) {
  const TileRegisters registers;
  Conv<P, T>(layer, task, scratch);
}

template <class P, class T>
void UpConvOnTiles(const PackedLayer* layer, const UpConvTask& task,
                   void* scratch) {
  const TileRegisters registers;
  UpConv<P, T>(layer, task, scratch);
}

}  // namespace
}  // namespace tae
