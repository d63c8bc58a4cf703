#include "kernels/reference/store.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tae::reference {
namespace {

struct Rgb {
  float r, g, b;
};

struct Yuv {
  float y, u, v;  // y in 0..1, u and v in -0.5..0.5
};

// Not std::clamp: NaN must become 0.
float Unit(float value) { return value > 0 ? (value < 1 ? value : 1) : 0; }

uint8_t Byte(float value) { return static_cast<uint8_t>(value * 255 + 0.5f); }

Rgb PixelOf(const StoreTask& task, int row, int x) {
  return {Unit(task.rgb[0][row][x]), Unit(task.rgb[1][row][x]),
          Unit(task.rgb[2][row][x])};
}

float LumaOf(Rgb p) { return 0.2126f * p.r + 0.7152f * p.g + 0.0722f * p.b; }

Yuv YuvOf(Rgb p) {
  const float y = LumaOf(p);
  return {y, (p.b - y) / 1.8556f, (p.r - y) / 1.5748f};
}

uint8_t LumaByte(float y) { return static_cast<uint8_t>(16.5f + 219 * y); }
uint8_t ChromaByte(float c) { return static_cast<uint8_t>(128.5f + 224 * c); }

// Chroma on the even column x, filtered along the row.
Yuv ChromaOf(const StoreTask& task, int row, int x) {
  const Yuv left = YuvOf(PixelOf(task, row, std::max(x - 1, 0)));
  const Yuv here = YuvOf(PixelOf(task, row, x));
  const Yuv right =
      YuvOf(PixelOf(task, row, std::min(x + 1, task.frame->width - 1)));
  return {here.y, (left.u + 2 * here.u + right.u) / 4,
          (left.v + 2 * here.v + right.v) / 4};
}

uint8_t* RowOf(const FrameView& frame, int plane, int y) {
  return static_cast<uint8_t*>(frame.plane[plane]) + frame.stride[plane] * y;
}

// Byte offsets inside a packed pixel; alpha < 0 means 3 bytes a pixel.
struct PackedOrder {
  int r, g, b, alpha;
};

void StorePacked(const StoreTask& task, PackedOrder order) {
  const int bytes = order.alpha < 0 ? 3 : 4;
  for (int row = 0; row < task.row_count; ++row) {
    uint8_t* out = RowOf(*task.frame, 0, task.y + row) + task.begin * bytes;
    for (int x = task.begin; x < task.end; ++x, out += bytes) {
      const Rgb p = PixelOf(task, row, x);
      out[order.r] = Byte(p.r);
      out[order.g] = Byte(p.g);
      out[order.b] = Byte(p.b);
      if (order.alpha >= 0) out[order.alpha] = 255;
    }
  }
}

// plane_of: which plane holds red, green, blue.
void StorePlanar(const StoreTask& task, const int (&plane_of)[3]) {
  for (int row = 0; row < task.row_count; ++row)
    for (int c = 0; c < 3; ++c) {
      uint8_t* out = RowOf(*task.frame, plane_of[c], task.y + row);
      for (int x = task.begin; x < task.end; ++x)
        out[x] = Byte(Unit(task.rgb[c][row][x]));
    }
}

void StoreFloat(const StoreTask& task) {
  for (int row = 0; row < task.row_count; ++row)
    for (int c = 0; c < 3; ++c) {
      auto* out = reinterpret_cast<float*>(RowOf(*task.frame, c, task.y + row));
      for (int x = task.begin; x < task.end; ++x)
        out[x] = Unit(task.rgb[c][row][x]);
    }
}

void StoreRgba64(const StoreTask& task) {
  for (int row = 0; row < task.row_count; ++row) {
    uint8_t* out = RowOf(*task.frame, 0, task.y + row) + task.begin * 8;
    for (int x = task.begin; x < task.end; ++x, out += 8) {
      const Rgb p = PixelOf(task, row, x);
      const float values[4] = {p.r, p.g, p.b, 1.0f};
      for (int c = 0; c < 4; ++c) {
        const auto v = static_cast<uint32_t>(values[c] * 65535 + 0.5f);
        out[2 * c] = static_cast<uint8_t>(v);
        out[2 * c + 1] = static_cast<uint8_t>(v >> 8);
      }
    }
  }
}

void StoreGray(const StoreTask& task) {
  for (int row = 0; row < task.row_count; ++row) {
    uint8_t* out = RowOf(*task.frame, 0, task.y + row);
    for (int x = task.begin; x < task.end; ++x)
      out[x] = Byte(LumaOf(PixelOf(task, row, x)));
  }
}

void StoreLuma(const StoreTask& task) {
  for (int row = 0; row < task.row_count; ++row) {
    uint8_t* out = RowOf(*task.frame, 0, task.y + row);
    for (int x = task.begin; x < task.end; ++x)
      out[x] = LumaByte(LumaOf(PixelOf(task, row, x)));
  }
}

// u and v: plane, first byte and bytes between two samples.
struct ChromaOrder {
  int u_plane, v_plane, u_first, v_first, step;
};

void Store420(const StoreTask& task, ChromaOrder order) {
  StoreLuma(task);
  for (int row = 0; row < task.row_count; row += 2) {
    const int y = (task.y + row) / 2;
    // The last row of an odd height stands for both.
    const int next = std::min(row + 1, task.row_count - 1);
    uint8_t* u = RowOf(*task.frame, order.u_plane, y) + order.u_first;
    uint8_t* v = RowOf(*task.frame, order.v_plane, y) + order.v_first;
    for (int x = task.begin; x < task.end; x += 2) {
      const Yuv above = ChromaOf(task, row, x);
      const Yuv below = ChromaOf(task, next, x);
      u[x / 2 * order.step] = ChromaByte((above.u + below.u) / 2);
      v[x / 2 * order.step] = ChromaByte((above.v + below.v) / 2);
    }
  }
}

// Offsets of luma, u and v inside the four bytes of two pixels.
struct Packed422Order {
  int y, u, v;
};

void Store422(const StoreTask& task, Packed422Order order) {
  for (int row = 0; row < task.row_count; ++row) {
    uint8_t* out = RowOf(*task.frame, 0, task.y + row) + task.begin * 2;
    for (int x = task.begin; x < task.end; x += 2, out += 4) {
      const Yuv chroma = ChromaOf(task, row, x);
      const int next = std::min(x + 1, task.frame->width - 1);
      out[order.y] = LumaByte(chroma.y);
      out[order.y + 2] = LumaByte(LumaOf(PixelOf(task, row, next)));
      out[order.u] = ChromaByte(chroma.u);
      out[order.v] = ChromaByte(chroma.v);
    }
  }
}

}  // namespace

void Store(const StoreTask& task) {
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
      return StorePlanar(task, {2, 0, 1});
    case PixelFormat::kRgbp:
      return StorePlanar(task, {0, 1, 2});
    case PixelFormat::kRgba64Le:
      return StoreRgba64(task);
    case PixelFormat::kGray8:
      return StoreGray(task);
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
      return StoreFloat(task);
  }
}

}  // namespace tae::reference
