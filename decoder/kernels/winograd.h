// Winograd F(4x4, 3x3) at the points {0, +-3/4, +-3/2, inf}: the constants that
// packing and kernels must agree on. With d the 6x6 input patch, g the 3x3
// weights: y = A^T [(G g G^T) . (B^T d B)] A (Lavin and Gray, 2015). The points
// keep the matrices well conditioned and all coefficients of B and A exact.
#pragma once

namespace tae::winograd {

inline constexpr int kPositions = 36;  // 6x6 products of a tile

// B^T, [position][patch]. Kernels evaluate it factored (BtRow in
// winograd-inl.h); here it stands for tests and documentation.
inline constexpr double kBt[6][6] = {
    {1.265625, 0, -2.8125, 0, 1, 0},   {0, -1.6875, -2.25, 0.75, 1, 0},
    {0, 1.6875, -2.25, -0.75, 1, 0},   {0, -0.84375, -0.5625, 1.5, 1, 0},
    {0, 0.84375, -0.5625, -1.5, 1, 0}, {0, 1.265625, 0, -2.8125, 0, 1}};

// G, [position][tap]: powers of each point over the product of its distances
// to the other points.
inline constexpr double kG[6][3] = {
    {1 / 1.265625, 0, 0},
    {-1 / 1.8984375, -0.75 / 1.8984375, -0.5625 / 1.8984375},
    {-1 / 1.8984375, 0.75 / 1.8984375, -0.5625 / 1.8984375},
    {1 / 7.59375, 1.5 / 7.59375, 2.25 / 7.59375},
    {1 / 7.59375, -1.5 / 7.59375, 2.25 / 7.59375},
    {0, 0, 1}};

// Row i of B^T d B, column j, is quantised as V_ij kBalance[i] kBalance[j]:
// near the inverse norms of the rows of B^T, so that one scale fits a tile.
// Only two values, so that a tile has three classes of positions.
inline constexpr double kBalance[6] = {1, 1, 1, 1.5, 1.5, 1};

// Row i of the weights is divided by kWeightNorm[i] (the norm of row i of
// G / kBalance, relative to row 1) before quantisation; A^T multiplies it back.
// Rounded to short constants: any value is exact.
inline constexpr double kWeightNorm[6] = {1.09375, 1,       1,
                                          0.34375, 0.34375, 1.375};

// The kernels leave out a factor kRowFactor^k in output row (or column) k of
// A^T, so that it needs 10 instructions instead of 13; the packed scales carry
// kRowFactor^(row + column).
inline constexpr double kRowFactor = 0.75;
inline constexpr int kScalePowers = 7;

// Upsampling x2 and 3x3 convolution in one: five products for four outputs each
// way. With low-resolution a, b, c and weights w0..w2, outputs (odd a, even b,
// odd b, even c) are Sb + (w0+w1)(a-b), Sb + w0(a-b), Sb + w2(c-b),
// Sb + (w1+w2)(c-b), S = w0+w1+w2. Positions: S, w0, w0+w1, w2, w1+w2; their
// inputs: b, a-b, a-b, c-b, c-b.
inline constexpr int kUpPositions = 25;
inline constexpr int kUpInputs = 9;

// Inputs and weights are scaled to int16 such that no sum of 64 products can
// leave an int32. By Cauchy and Schwarz it cannot if both, as vectors over the
// input channels, are no longer than kNormMax: (kNormMax + 4)^2 < 2^31, where 4
// is the longest that 64 roundings can be. Bounding the largest input and the
// sum of |weights| instead would cost more than a bit of each.
inline constexpr double kNormMax = 46330;
inline constexpr double kInt16Max = 32767;

// Largest |quantised input| of the last convolution, whose sums of 192 products
// are bounded by the sums of |weights|.
inline constexpr int kInputMax = 16383;

}  // namespace tae::winograd
