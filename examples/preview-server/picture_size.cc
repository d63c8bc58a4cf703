#include "picture_size.h"

#include "common/latent_message.h"

namespace preview {

// A latent pixel is eight of the picture, unless the producer says otherwise.
constexpr int kPixels = 8;

tae::StatusOr<PictureSize> SizeOfHeader(const tae::LatentHeader& header) {
  const auto info = taegst::InfoOfMessage(header);
  if (!info.ok()) return info.status();
  if (info->width > 0 && info->height > 0)
    return PictureSize{info->width, info->height};
  return PictureSize{int(info->extent.width) * kPixels,
                     int(info->extent.height) * kPixels};
}

tae::StatusOr<PictureSize> SizeOfLatent(const StoredLatent& latent) {
  const auto message = latent.Load();
  if (!message.ok()) return message.status();
  const std::string_view view = ViewOf(*message);
  uint64_t needed = 0;
  const auto header =
      tae::ReadLatentHeader(view.data(), view.size(), {}, &needed);
  if (!header.ok()) return header.status();
  if (!*header) return tae::DataLoss("a latent is not whole");
  return SizeOfHeader(**header);
}

}  // namespace preview
