// Floats before the clamp as pixels of every format: plain loops over short
// blocks, which the compiler turns into this instruction set's vectors. The
// twin of reference/store.cc. Needs simd_*-inl.h before it.
namespace tae {
namespace {

constexpr int kStoreBlock = 64;  // columns at a time; even

// Columns [x, x + count) of one row of a task.
struct StoreColumns {
  const float* red;
  const float* green;
  const float* blue;
  int count;
};

TAE_INLINE StoreColumns ColumnsOf(const StoreTask& task, int row, int x) {
  return {task.rgb[0][row] + x, task.rgb[1][row] + x, task.rgb[2][row] + x,
          task.end - x < kStoreBlock ? task.end - x : kStoreBlock};
}

TAE_INLINE uint8_t* StoreRow(const StoreTask& task, int plane, int y) {
  return static_cast<uint8_t*>(task.frame->plane[plane]) +
         task.frame->stride[plane] * y;
}

// NaN becomes 0.
TAE_INLINE float ToUnit(float v) {
  const float least = v > 0 ? v : 0;
  return least < 1 ? least : 1;
}

TAE_INLINE uint32_t ToByte(float v) {
  return static_cast<uint32_t>(static_cast<int>(ToUnit(v) * 255 + 0.5f));
}

// At which byte of a pixel a colour lies; alpha -1: three bytes a pixel.
struct ByteOrder {
  int red, green, blue, alpha;
};

// As ToUnit; a maximum with a NaN in front is 0.
TAE_INLINE Float ToUnits(const float* from) {
  return Min(Max(Load(from), Zero()), Set(1.0f));
}

// Columns [0, kLanes) of one colour as bytes, each in 32 bits.
TAE_INLINE Int ToBytes(const float* from) {
  return Truncate(MulAdd(ToUnits(from), Set(255.0f), Set(0.5f)));
}

TAE_INLINE void PackPixels(const StoreColumns& from, ByteOrder order,
                           uint32_t* to) {
  const uint32_t fill = order.alpha < 0 ? 0 : 255u << (8 * order.alpha);
  const Int fills = BroadcastInt(reinterpret_cast<const int32_t*>(&fill));
  int i = 0;
  for (; i + kLanes <= from.count; i += kLanes) {
    const Int red = ShiftLeft(ToBytes(from.red + i), 8 * order.red);
    const Int green = ShiftLeft(ToBytes(from.green + i), 8 * order.green);
    const Int blue = ShiftLeft(ToBytes(from.blue + i), 8 * order.blue);
    StoreInt(reinterpret_cast<int32_t*>(to + i),
             AddInt(AddInt(red, green), AddInt(blue, fills)));
  }
  for (; i < from.count; ++i)
    to[i] = ToByte(from.red[i]) << (8 * order.red) |
            ToByte(from.green[i]) << (8 * order.green) |
            ToByte(from.blue[i]) << (8 * order.blue) | fill;
}

// Each pixel is written with a byte too many, which the next one overwrites;
// the last one's would be somebody else's.
TAE_INLINE void StoreTriples(const uint32_t* pixels, int count, uint8_t* out) {
  for (int i = 0; i < count - 1; ++i)
    __builtin_memcpy(out + 3 * i, pixels + i, 4);
  __builtin_memcpy(out + 3 * (count - 1), pixels + count - 1, 3);
}

inline void StorePacked(const StoreTask& task, ByteOrder order) {
  for (int row = 0; row < task.row_count; ++row)
    for (int x = task.begin; x < task.end; x += kStoreBlock) {
      alignas(64) uint32_t pixels[kStoreBlock];
      const StoreColumns from = ColumnsOf(task, row, x);
      PackPixels(from, order, pixels);
      uint8_t* out = StoreRow(task, 0, task.y + row);
      if (order.alpha < 0)
        StoreTriples(pixels, from.count, out + 3 * x);
      else
        __builtin_memcpy(out + 4 * x, pixels, 4 * from.count);
    }
}

// A plane a colour; `planes`: where red, green, blue go.
template <class Sample, class Convert>
TAE_INLINE void StorePlanes(const StoreTask& task, const int (&planes)[3],
                            Convert convert) {
  for (int row = 0; row < task.row_count; ++row)
    for (int c = 0; c < 3; ++c) {
      const float* from = task.rgb[c][row];
      auto* to =
          reinterpret_cast<Sample*>(StoreRow(task, planes[c], task.y + row));
      for (int x = task.begin; x < task.end; ++x) to[x] = convert(from[x]);
    }
}

inline void StoreBytePlanes(const StoreTask& task, const int (&planes)[3]) {
  StorePlanes<uint8_t>(task, planes,
                       [](float v) { return uint8_t(ToByte(v)); });
}

inline void StoreRgba64(const StoreTask& task) {
  const auto wide = [](float v) {
    return static_cast<uint64_t>(static_cast<int>(ToUnit(v) * 65535 + 0.5f));
  };
  for (int row = 0; row < task.row_count; ++row)
    for (int x = task.begin; x < task.end; x += kStoreBlock) {
      alignas(64) uint64_t pixels[kStoreBlock];
      const StoreColumns from = ColumnsOf(task, row, x);
      for (int i = 0; i < from.count; ++i)
        pixels[i] = wide(from.red[i]) | wide(from.green[i]) << 16 |
                    wide(from.blue[i]) << 32 | uint64_t{0xffff} << 48;
      __builtin_memcpy(StoreRow(task, 0, task.y + row) + 8 * x, pixels,
                       8 * from.count);
    }
}

// Of Rec. 709, from colours in 0..1.
TAE_INLINE float ToLuma(float red, float green, float blue) {
  return 0.2126f * red + 0.7152f * green + 0.0722f * blue;
}
TAE_INLINE Float ToLuma(Float red, Float green, Float blue) {
  return MulAdd(Set(0.0722f), blue,
                MulAdd(Set(0.7152f), green, Mul(Set(0.2126f), red)));
}

// One byte a pixel: scale * luma + offset, 0.5 for rounding included.
TAE_INLINE void StoreLumaRow(const StoreColumns& from, float scale,
                             float offset, uint8_t* to) {
  alignas(64) int32_t luma[kStoreBlock];
  int i = 0;
  for (; i + kLanes <= from.count; i += kLanes)
    StoreInt(luma + i, Truncate(MulAdd(Set(scale),
                                       ToLuma(ToUnits(from.red + i),
                                              ToUnits(from.green + i),
                                              ToUnits(from.blue + i)),
                                       Set(offset))));
  for (; i < from.count; ++i)
    luma[i] = static_cast<int>(offset + scale * ToLuma(ToUnit(from.red[i]),
                                                       ToUnit(from.green[i]),
                                                       ToUnit(from.blue[i])));
  for (int k = 0; k < from.count; ++k) to[k] = static_cast<uint8_t>(luma[k]);
}

inline void StoreLuma(const StoreTask& task, float scale, float offset) {
  for (int row = 0; row < task.row_count; ++row)
    for (int x = task.begin; x < task.end; x += kStoreBlock)
      StoreLumaRow(ColumnsOf(task, row, x), scale, offset,
                   StoreRow(task, 0, task.y + row) + x);
}

// Cb and Cr, in -0.5..0.5, on the even columns of a block.
struct ChromaBlock {
  alignas(64) float u[kStoreBlock / 2];
  alignas(64) float v[kStoreBlock / 2];
};

// MPEG-2 siting: 1/4, 1/2, 1/4 along the row around the even column, columns
// repeated at the picture's ends. x is even.
inline void ChromaColumns(const StoreTask& task, int row, int x, int count,
                          ChromaBlock* to) {
  float u[kStoreBlock + 2], v[kStoreBlock + 2];
  const int last = task.frame->width - 1;
  const float *red = task.rgb[0][row], *green = task.rgb[1][row],
              *blue = task.rgb[2][row];
  const auto at = [&](int column, int i) {
    const float r = ToUnit(red[column]), b = ToUnit(blue[column]);
    const float luma = ToLuma(r, ToUnit(green[column]), b);
    u[i] = (b - luma) * (1 / 1.8556f);
    v[i] = (r - luma) * (1 / 1.5748f);
  };
  at(x > 0 ? x - 1 : 0, 0);
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Float r = ToUnits(red + x + i), b = ToUnits(blue + x + i);
    const Float luma = ToLuma(r, ToUnits(green + x + i), b);
    Store(u + i + 1, Mul(Sub(b, luma), Set(1 / 1.8556f)));
    Store(v + i + 1, Mul(Sub(r, luma), Set(1 / 1.5748f)));
  }
  for (; i < count; ++i) at(x + i, i + 1);
  at(x + count <= last ? x + count : last, count + 1);
  for (i = 0; i < (count + 1) / 2; ++i) {
    to->u[i] = (u[2 * i] + 2 * u[2 * i + 1] + u[2 * i + 2]) * 0.25f;
    to->v[i] = (v[2 * i] + 2 * v[2 * i + 1] + v[2 * i + 2]) * 0.25f;
  }
}

TAE_INLINE uint8_t ToChromaByte(float c) {
  return static_cast<uint8_t>(static_cast<int>(128.5f + 224 * c));
}

// Planes of u and v, their first bytes and the bytes from sample to sample.
struct ChromaPlanes {
  int u_plane, v_plane, u_first, v_first, step;
};

inline void Store420(const StoreTask& task, const ChromaPlanes& order) {
  StoreLuma(task, 219, 16.5f);
  for (int row = 0; row < task.row_count; row += 2)
    for (int x = task.begin; x < task.end; x += kStoreBlock) {
      const int count = ColumnsOf(task, row, x).count;
      // The last row of an odd height stands for both.
      const int next = row + 1 < task.row_count ? row + 1 : row;
      ChromaBlock above, below;
      ChromaColumns(task, row, x, count, &above);
      ChromaColumns(task, next, x, count, &below);
      const int y = (task.y + row) / 2;
      uint8_t* u =
          StoreRow(task, order.u_plane, y) + order.u_first + x / 2 * order.step;
      uint8_t* v =
          StoreRow(task, order.v_plane, y) + order.v_first + x / 2 * order.step;
      for (int i = 0; i < (count + 1) / 2; ++i) {
        u[i * order.step] = ToChromaByte((above.u[i] + below.u[i]) * 0.5f);
        v[i * order.step] = ToChromaByte((above.v[i] + below.v[i]) * 0.5f);
      }
    }
}

// Offsets of luma, u and v inside the four bytes of two pixels.
struct PairOrder {
  int y, u, v;
};

inline void Store422(const StoreTask& task, PairOrder order) {
  for (int row = 0; row < task.row_count; ++row)
    for (int x = task.begin; x < task.end; x += kStoreBlock) {
      const StoreColumns from = ColumnsOf(task, row, x);
      uint8_t luma[kStoreBlock + 1];
      ChromaBlock chroma;
      StoreLumaRow(from, 219, 16.5f, luma);
      luma[from.count] = luma[from.count - 1];
      ChromaColumns(task, row, x, from.count, &chroma);
      uint8_t* out = StoreRow(task, 0, task.y + row) + 2 * x;
      for (int i = 0; i < (from.count + 1) / 2; ++i) {
        out[4 * i + order.y] = luma[2 * i];
        out[4 * i + order.y + 2] = luma[2 * i + 1];
        out[4 * i + order.u] = ToChromaByte(chroma.u[i]);
        out[4 * i + order.v] = ToChromaByte(chroma.v[i]);
      }
    }
}

inline void StorePixels(const StoreTask& task) {
  switch (task.frame->format) {
    case PixelFormat::kRgb:
      return StorePacked(task, {0, 1, 2, -1});
    case PixelFormat::kBgr:
      return StorePacked(task, {2, 1, 0, -1});
    case PixelFormat::kRgba:
    case PixelFormat::kRgbx:
      return StorePacked(task, {0, 1, 2, 3});
    case PixelFormat::kBgra:
    case PixelFormat::kBgrx:
      return StorePacked(task, {2, 1, 0, 3});
    case PixelFormat::kArgb:
    case PixelFormat::kXrgb:
      return StorePacked(task, {1, 2, 3, 0});
    case PixelFormat::kAbgr:
    case PixelFormat::kXbgr:
      return StorePacked(task, {3, 2, 1, 0});
    case PixelFormat::kGbr:
      return StoreBytePlanes(task, {2, 0, 1});
    case PixelFormat::kRgbp:
      return StoreBytePlanes(task, {0, 1, 2});
    case PixelFormat::kRgba64Le:
      return StoreRgba64(task);
    case PixelFormat::kGray8:
      return StoreLuma(task, 255, 0.5f);
    case PixelFormat::kI420:
      return Store420(task, {1, 2, 0, 0, 1});
    case PixelFormat::kYv12:
      return Store420(task, {2, 1, 0, 0, 1});
    case PixelFormat::kNv12:
      return Store420(task, {1, 1, 0, 1, 2});
    case PixelFormat::kYuy2:
      return Store422(task, {0, 1, 3});
    case PixelFormat::kUyvy:
      return Store422(task, {1, 0, 2});
    case PixelFormat::kRgbPlanarF32:
      return StorePlanes<float>(task, {0, 1, 2}, ToUnit);
  }
}

}  // namespace
}  // namespace tae
