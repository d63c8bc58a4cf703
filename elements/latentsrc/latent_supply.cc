#include "latentsrc/latent_supply.h"

#include <utility>
#include <vector>

#include "common/latent_message.h"
#include "tae/variant.h"

namespace taegst {
namespace {

void DeletePayload(gpointer payload) {
  delete static_cast<std::vector<uint8_t>*>(payload);
}

}  // namespace

tae::StatusOr<SuppliedLatent> FromMessage(tae::LatentMessage message,
                                          const std::string& variant) {
  if (!variant.empty()) message.header.description.space = variant;
  tae::StatusOr<LatentInfo> info = InfoOfMessage(message.header);
  if (!info.ok()) return info.status();
  const tae::VariantInfo* space = tae::FindVariant(info->variant);
  if (space != nullptr && space->latent_channels != info->channels)
    return tae::InvalidArgument(
        "the latent has " + std::to_string(info->channels) +
        " channels, its "
        "space " +
        info->variant + " has " + std::to_string(space->latent_channels) +
        "; name the space that it is of (variant)");
  auto* payload = new std::vector<uint8_t>(std::move(message.payload));
  // Of a batch, the first.
  GstPtr<GstBuffer> buffer(gst_buffer_new_wrapped_full(
      GST_MEMORY_FLAG_READONLY, payload->data(), payload->size(), 0,
      info->size(), payload, DeletePayload));
  return SuppliedLatent{*std::move(info), std::move(buffer),
                        StepOfMessage(message.header),
                        TagsOfMessage(message.header)};
}

}  // namespace taegst
