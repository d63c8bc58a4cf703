// The only place that knows the fields of latent caps:
//   video/x-latent, variant, format, channels, latent-width, latent-height,
//     layout, domain, pred, batch, framerate, width, height
//   other/tensors, format=static, num_tensors=1, types, dimensions
#pragma once

#include <gst/gst.h>

#include <string>
#include <string_view>

#include "common/gst_ptr.h"
#include "tae/status.h"
#include "tae/types.h"

namespace taegst {

// For pad templates: all that can be said with scalars and lists, so that a
// subset check passes on caps which leave the optional fields out.
#define TAE_LATENT_CAPS                                       \
  "video/x-latent, format=(string){ F16LE, BF16LE, F32LE }, " \
  "channels=(int)[1,256], latent-width=(int)[1,8192], "       \
  "latent-height=(int)[1,8192]"
#define TAE_TENSORS_CAPS                                       \
  "other/tensors, format=(string)static, num_tensors=(int)1, " \
  "types=(string){ float16, float32 }"

// Latents a buffer may hold.
inline constexpr int kMaxBatch = 64;

// What one buffer of a stream holds: `batch` latents of one shape back to back.
struct LatentInfo {
  std::string variant;  // a name of tae::Variants(); "" = the caps do not say
  tae::DType dtype = tae::DType::kF16;
  tae::LatentLayout layout = tae::LatentLayout::kNchw;
  tae::LatentDomain domain = tae::LatentDomain::kSampler;
  bool noisy = false;  // pred=x: the sampler's noisy x, not its estimate of x0
  int channels = 0;    // of the unpacked latent, as the extent
  tae::Extent extent;
  int batch = 1;
  int fps_n = 0;  // 0/1 = irregular
  int fps_d = 1;
  int width = 0;  // decoded pixels, where the producer said so; else 0
  int height = 0;

  // Bytes of one latent, and of a whole buffer; caps bound them far below
  // overflow.
  size_t latent_size() const {
    return size_t(channels) * extent.height * extent.width * SizeOf(dtype);
  }
  size_t size() const { return size_t(batch) * latent_size(); }
  friend bool operator==(const LatentInfo&, const LatentInfo&) = default;
};

std::string_view FormatName(tae::DType dtype);
std::string_view LayoutName(tae::LatentLayout layout);
std::string_view DomainName(tae::LatentDomain domain);

// From fixed caps of either name. For other/tensors, expected_channels (0 =
// unknown) tells [1,4C,h,w] and [1,H,W,C] from [1,C,H,W]; only the shape can
// say so there. Errors: kInvalidArgument (a field is missing or wrong),
// kUnsupported (a value we do not know), each with the field and its value.
tae::StatusOr<LatentInfo> LatentInfoFromCaps(const GstCaps* caps,
                                             int expected_channels = 0);

// Fixed video/x-latent caps. Fields with their default value are written too,
// but variant, width and height only where known, and batch where it is not 1.
GstPtr<GstCaps> LatentInfoToCaps(const LatentInfo& info);

// Fixed other/tensors caps, dimensions "W:H:C:batch". Errors: kUnsupported for
// BF16 and for layouts other than nchw, which such caps cannot express.
tae::StatusOr<GstPtr<GstCaps>> LatentInfoToTensorsCaps(const LatentInfo& info);

// Unfixed caps of both media types, narrowed to what a variant ("" = any) or a
// model with so many channels (0 = any) takes.
GstPtr<GstCaps> LatentCapsOfVariant(std::string_view variant, int channels = 0);

bool IsTensorsCaps(const GstCaps* caps);

}  // namespace taegst
