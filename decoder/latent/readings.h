// The same bytes read in other orders, and how smooth each reading is.
#pragma once

#include <cstddef>
#include <vector>

#include "tae/types.h"

namespace tae {

// One way to take a latent's scalars for channels, rows and columns.
struct Reading {
  LatentLayout layout = LatentLayout::kNchw;
  Extent extent;
  bool exchanged = false;  // height and width, against what was declared
};

// All others of as many scalars: other layouts, and where the sides differ and
// are long enough to tell, height and width exchanged.
std::vector<Reading> OtherReadings(const Reading& declared);

// [height][width] of channel c: `values` in the reading's order.
void ReadPlane(const std::vector<float>& values, int channels,
               const Reading& reading, int c, float* plane);

// How smooth a reading is, away from the border (where networks leave marks).
struct Texture {
  // Mean square difference of neighbours over twice the variance of all
  // scalars: 1 for noise and for scrambled channels, the less the smoother. 0
  // when nothing varies.
  double roughness = 0;
  // Share of the channels' own variance in that of all scalars: 1 where
  // channels are mixed up, small in nearly uniform pictures read rightly, for
  // each channel has a mean of its own.
  double within = 0;
};

Texture TextureOf(const std::vector<float>& values, int channels,
                  const Reading& reading);

// Whether the planes repeat every 2 to 8 pixels, as a picture of stripes or a
// chess board does: every order of such a latent is regular.
bool IsPeriodic(const std::vector<float>& values, int channels,
                const Reading& reading);

}  // namespace tae
