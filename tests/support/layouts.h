// The orders in which producers hand out a latent, each made from [C, H, W] by
// the reshapes and permutations that its producer publishes: slow, obviously
// right, independent of the index formulas in the library.
#pragma once

#include <cstddef>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tae/types.h"

namespace tae::testing {

// A contiguous row-major array.
struct Array {
  std::vector<int> dims;
  std::vector<float> values;
};

inline Array Reshape(Array array, std::vector<int> dims) {
  array.dims = std::move(dims);
  return array;
}

// Dimension i of the result is dimension order[i] of the array.
inline Array Permute(const Array& array, const std::vector<int>& order) {
  const size_t rank = array.dims.size();
  std::vector<size_t> stride(rank, 1);
  for (size_t i = rank - 1; i > 0; --i)
    stride[i - 1] = stride[i] * size_t(array.dims[i]);
  Array out;
  for (const int from : order) out.dims.push_back(array.dims[from]);
  out.values.reserve(array.values.size());
  std::vector<int> at(rank, 0);
  for (size_t n = 0; n < array.values.size(); ++n) {
    size_t source = 0;
    for (size_t i = 0; i < rank; ++i) source += at[i] * stride[order[i]];
    out.values.push_back(array.values[source]);
    for (size_t i = rank; i-- > 0 && ++at[i] == out.dims[i];) at[i] = 0;
  }
  return out;
}

// One producer's order: the name it has in the metadata ("" = the shape says
// it), what the library calls it, and how it comes from [C, H, W].
struct ProducerOrder {
  const char* producer;
  const char* said;
  LatentLayout layout;
  Array (*pack)(const Array& planes);
  const char* space = "";
};

// [C, H, W] -> [C, h, 2, w, 2], h = H/2, w = W/2.
inline Array SplitPatches(const Array& planes) {
  const auto& d = planes.dims;
  return Reshape(planes, {d[0], d[1] / 2, 2, d[2] / 2, 2});
}

inline const std::vector<ProducerOrder>& ProducerOrders() {
  static const std::vector<ProducerOrder> orders = {
      {"planes", "nchw", LatentLayout::kNchw,
       [](const Array& a) {
         return Reshape(a, {1, a.dims[0], a.dims[1], a.dims[2]});
       }},
      {"planes_without_a_batch", "", LatentLayout::kNchw,
       [](const Array& a) { return a; }},
      {"mflux_z_image", "", LatentLayout::kNchw,  // [C, 1, H, W]
       [](const Array& a) {
         return Reshape(a, {a.dims[0], 1, a.dims[1], a.dims[2]});
       }},
      {"clip_of_one_frame", "ncthw", LatentLayout::kNchw,
       [](const Array& a) {
         return Reshape(a, {1, a.dims[0], 1, a.dims[1], a.dims[2]});
       }},
      {"channels_last", "nhwc", LatentLayout::kNhwc,
       [](const Array& a) {
         const Array b = Permute(a, {1, 2, 0});
         return Reshape(b, {1, b.dims[0], b.dims[1], b.dims[2]});
       }},
      // diffusers, FluxPipeline._pack_latents: view(B, C, h, 2, w, 2),
      // permute(0, 2, 4, 1, 3, 5), reshape(B, h*w, 4C).
      {"flux1_tokens", "flux1-seq", LatentLayout::kPacked,
       [](const Array& a) {
         const Array b = Permute(SplitPatches(a), {1, 3, 0, 2, 4});
         return Reshape(b, {1, b.dims[0] * b.dims[1], 4 * a.dims[0]});
       }},
      {"qwen_image_tokens", "qwen-seq", LatentLayout::kPacked,
       [](const Array& a) {
         const Array b = Permute(SplitPatches(a), {1, 3, 0, 2, 4});
         return Reshape(b, {1, b.dims[0] * b.dims[1], 4 * a.dims[0]});
       }},
      // diffusers, Flux2Pipeline: _patchify_latents (permute(0, 1, 3, 5, 2, 4),
      // reshape(B, 4C, h, w)), then _pack_latents (reshape(B, 4C, h*w),
      // permute(0, 2, 1)).
      {"flux2_tokens", "flux2-seq", LatentLayout::kPacked,
       [](const Array& a) {
         const Array b = Permute(SplitPatches(a), {0, 2, 4, 1, 3});
         const int tokens = b.dims[3] * b.dims[4];
         const Array c = Permute(Reshape(b, {4 * a.dims[0], tokens}), {1, 0});
         return Reshape(c, {1, tokens, 4 * a.dims[0]});
       }},
      // ComfyUI, stable-diffusion.cpp: FLUX.2 patches as planes.
      {"flux2_patch_planes", "packed-nchw", LatentLayout::kPackedNchw,
       [](const Array& a) {
         const Array b = Permute(SplitPatches(a), {0, 2, 4, 1, 3});
         return Reshape(b, {1, 4 * a.dims[0], b.dims[3], b.dims[4]});
       }},
      // mflux: unpacked by reshape(B, h, w, 2, 2, C), permute(0, 5, 1, 3, 2,
      // 4); this is the way back.
      {"ideogram4_tokens", "ideogram4", LatentLayout::kPackedIdeogram4,
       [](const Array& a) {
         const Array b = Permute(SplitPatches(a), {1, 3, 2, 4, 0});
         return Reshape(b, {1, b.dims[0] * b.dims[1], 4 * a.dims[0]});
       },
       "ideogram4"},
  };
  return orders;
}

// The metadata that goes with such a tensor; width and height in pixels.
inline std::map<std::string, std::string> MetadataOf(const ProducerOrder& order,
                                                     const Array& planes) {
  std::map<std::string, std::string> metadata;
  if (*order.said != '\0') metadata["layout"] = order.said;
  if (*order.space != '\0') metadata["space"] = order.space;
  metadata["height"] = std::to_string(8 * planes.dims[1]);
  metadata["width"] = std::to_string(8 * planes.dims[2]);
  return metadata;
}

inline Array Arange(std::vector<int> dims) {
  size_t count = 1;
  for (const int dim : dims) count *= size_t(dim);
  Array array{std::move(dims), std::vector<float>(count)};
  std::iota(array.values.begin(), array.values.end(), 0.0f);
  return array;
}

}  // namespace tae::testing
