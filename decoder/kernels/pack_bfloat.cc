#include "kernels/pack_bfloat.h"

#include "base/half.h"

namespace tae {

void StoreBFloat(double w, int in, int out, int parts, uint16_t* square) {
  const int block = out / 32 * 4 + in / 32 * 2 + out / 16 % 2;
  const int pair = in % 16, half = in / 16 % 2;  // ChannelOfPair of 16 lanes
  for (int part = 0; part < parts; ++part) {
    const uint16_t bits = BF16FromFloat(static_cast<float>(w));
    square[((block * parts + part) * 16 + pair) * 32 + out % 16 * 2 + half] =
        bits;
    w -= FloatFromBF16(bits);
  }
}

}  // namespace tae
