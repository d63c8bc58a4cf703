// The letters of signs: ASCII, 5 x 9 dots, two of the nine below the base line.
#pragma once

#include <cstdint>

namespace taegst {

struct Glyph {
  static constexpr int kWidth = 5;
  static constexpr int kHeight = 9;
  uint8_t rows[kHeight];  // bit 4 is the left column

  bool At(int x, int y) const { return (rows[y] >> (kWidth - 1 - x) & 1) != 0; }
};

// What is not printable ASCII looks like a question mark.
const Glyph& GlyphOf(char letter);

}  // namespace taegst
