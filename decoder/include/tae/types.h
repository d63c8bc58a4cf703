// Plain types that cross the library's border: what a latent is, what a frame
// is. Views never own memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tae {

// Storage type of one scalar, little endian.
enum class DType : uint8_t { kF16, kBF16, kF32 };

constexpr size_t SizeOf(DType dtype) { return dtype == DType::kF32 ? 4 : 2; }

// Size of a plane in its own elements.
struct Extent {
  int height = 0;
  int width = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

// Order of a latent's scalars in memory. C, H, W are the channels, height and
// width of the unpacked latent (32, H/8, W/8 for FLUX.2); h = H/2, w = W/2 in
// the packed orders, where a 2x2 patch (py, px) went into the channels.
enum class LatentLayout : uint8_t {
  kNchw,        // [C][H][W]
  kNhwc,        // [H][W][C]
  kPacked,      // [h*w][4C], k = 4c + 2py + px: FLUX.1, FLUX.2, Qwen tokens
  kPackedNchw,  // [4C][h][w], same k: FLUX.2 in ComfyUI, sd.cpp
  kPackedIdeogram4,  // [h*w][4C], k = 2C*py + C*px + c
};

// What the numbers mean: as the sampler sees them (what every TAE wants), or
// as the full VAE sees them (ComfyUI files, diffusers output_type="latent").
enum class LatentDomain : uint8_t { kSampler, kVae };

// How noise gets into a latent of noise level s; eps is unit Gaussian noise.
// Samplers of the VP scale, x = a x0 + sqrt(1-a^2) eps, are brought to
// kVarianceExploding by x/a, s = sqrt(1-a^2)/a.
enum class NoiseProcess : uint8_t {
  kFlowMatching,       // x = (1-s) x0 + s eps, s in [0,1]
  kVarianceExploding,  // x = x0 + s eps, s >= 0
};

// One latent, batch 1, contiguous. The memory belongs to the caller; no
// alignment is assumed.
struct LatentView {
  const void* data = nullptr;
  size_t size = 0;  // bytes; must equal channels*height*width*SizeOf(dtype)
  DType dtype = DType::kF16;
  LatentLayout layout = LatentLayout::kNchw;
  LatentDomain domain = LatentDomain::kSampler;
  int channels = 0;  // C, unpacked
  Extent extent;     // H, W, unpacked
};

// Pixel orders that a decoder writes by itself; names as GStreamer's.
enum class PixelFormat : uint8_t {
  kRgb,  // 3 bytes a pixel
  kBgr,
  kRgba,  // 4 bytes a pixel, alpha 255
  kBgra,
  kArgb,
  kAbgr,
  kRgbx,  // 4 bytes a pixel, padding 255
  kBgrx,
  kXrgb,
  kXbgr,
  kGbr,       // three planes of bytes: G, B, R
  kRgbp,      // three planes of bytes: R, G, B
  kRgba64Le,  // 4 x 16 bits little endian, alpha 65535
  kGray8,     // BT.709 luma, full range
  kI420,      // BT.709 limited range, 4:2:0, chroma sited as MPEG-2 (left)
  kYv12,
  kNv12,
  kYuy2,  // 4:2:2
  kUyvy,
  kRgbPlanarF32,  // [3][height][width] floats in [0,1]; stays the last
};

// Where a picture goes. Memory belongs to the caller; rows of plane p start
// stride[p] bytes apart. The decoder writes exactly width x height pixels.
struct FrameView {
  PixelFormat format = PixelFormat::kRgb;
  int width = 0;   // pixels
  int height = 0;  // pixels
  void* plane[4] = {};
  ptrdiff_t stride[4] = {};  // bytes
};

// Grade of arithmetic; the error bounds are against float64 on [0,1] images.
enum class Precision : uint8_t {
  kAuto,  // the fastest that is fp16-grade on this CPU
  kF16,   // fp16-grade: max_abs <= 6e-3, MAE <= 4e-4
  kF32,   // max_abs <= 2e-4
  kBF16,
  kInt8,  // PSNR >= 40 dB
};

}  // namespace tae
