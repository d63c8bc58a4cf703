#include "latentinterpolate/clean_estimate.h"

#include <utility>

#include "common/latent_meta.h"
#include "tae/latent_stream.h"
#include "tae/variant.h"

namespace taegst {

namespace {

// The space that the caps say, or the likeliest by its channels; null when
// none.
const tae::VariantInfo* SpaceOf(const LatentInfo& info) {
  if (!info.variant.empty()) return tae::FindVariant(info.variant);
  const auto likely = tae::VariantsWithChannels(info.channels);
  return likely.empty() ? nullptr : likely.front();
}

}  // namespace

bool CanDenoise(const LatentInfo& info) {
  return info.noisy && info.domain == tae::LatentDomain::kSampler &&
         SpaceOf(info) != nullptr;
}

CleanEstimate::CleanEstimate(const LatentInfo& info)
    : info_(info),
      denoiser_({.process = SpaceOf(info)->noise}),
      estimate_(info.size() / tae::SizeOf(info.dtype)) {}

tae::StatusOr<GstPtr<GstBuffer>> CleanEstimate::Of(GstPtr<GstBuffer> latent) {
  const auto step = GetLatentStep(latent.get());
  if (!step || !step->sigma ||
      gst_buffer_get_size(latent.get()) != info_.size())
    return latent;
  if (GST_BUFFER_FLAG_IS_SET(latent.get(), GST_BUFFER_FLAG_DISCONT))
    denoiser_.Reset();
  {
    const ReadMap map(latent.get());
    if (!map.ok()) return tae::OutOfMemory("the latent cannot be mapped");
    const auto method = denoiser_.Estimate(
        {map.data(), estimate_.size(), info_.dtype, *step->sigma},
        estimate_.data());
    if (method.status().code() == tae::StatusCode::kOutOfMemory)
      return method.status();
    if (!method.ok()) return latent;
  }
  GstPtr<GstBuffer> clean(
      gst_buffer_new_allocate(nullptr, info_.size(), nullptr));
  GstMapInfo map;
  if (!clean || !gst_buffer_map(clean.get(), &map, GST_MAP_WRITE))
    return tae::OutOfMemory("no memory for a latent");
  // A message of floats: the library converts to the dtype.
  tae::LatentHeader header;
  header.stored = tae::StoredType::kF32;
  header.dtype = info_.dtype;
  header.scale = {1};
  header.payload_size = info_.size();
  tae::ConvertPayload(header, estimate_.data(), map.data);
  gst_buffer_unmap(clean.get(), &map);
  gst_buffer_copy_into(clean.get(), latent.get(), GST_BUFFER_COPY_METADATA, 0,
                       -1);
  return clean;
}

}  // namespace taegst
