// Rows of one tensor in memory: the whole plane, or as many as are needed at a
// time (schedule.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace tae {

struct RowRing {
  uint8_t* data = nullptr;
  size_t row_bytes = 0;
  int rows = 0;  // in memory
  int height = 0;
  const void* zero = nullptr;

  uint8_t* Slot(int y) const { return data + y % rows * row_bytes; }
  // Null outside of the plane: a row that nobody writes.
  void* Out(int y) const { return y < 0 || y >= height ? nullptr : Slot(y); }
  // Zeros outside of the plane.
  const void* In(int y) const { return y < 0 || y >= height ? zero : Slot(y); }
};

}  // namespace tae
