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

constexpr size_t kOverhead = 1024;  // of a latent's buffer, meta and texts

void Override(const LatentOverrides& overrides, tae::LatentHeader* header) {
  tae::LatentDescription& said = header->description;
  if (!overrides.variant.empty()) said.space = overrides.variant;
  if (!overrides.domain.empty()) said.domain = overrides.domain;
  if (!overrides.layout.empty()) said.layout = overrides.layout;
}

tae::Status CheckChannels(const LatentInfo& info) {
  const tae::VariantInfo* space = tae::FindVariant(info.variant);
  if (space == nullptr || space->latent_channels == info.channels) return {};
  return tae::InvalidArgument(
      "the latent has " + std::to_string(info.channels) +
      " channels, its "
      "space " +
      info.variant + " has " + std::to_string(space->latent_channels) +
      "; name the space that it is of (variant)");
}

// The bounds of the caps: what is beyond them could be set and not be taken.
tae::Status CheckBounds(const LatentInfo& info) {
  const GstPtr<GstCaps> bounds(gst_caps_from_string(TAE_LATENT_CAPS));
  const GstPtr<GstCaps> caps = LatentInfoToCaps(info);
  if (gst_caps_is_subset(caps.get(), bounds.get())) return {};
  return tae::Unsupported(
      "the latent is " + std::to_string(info.extent.width) + "x" +
      std::to_string(info.extent.height) + " with " +
      std::to_string(info.channels) +
      " channels; expected at most 8192 a side and 256 channels");
}

}  // namespace

tae::StatusOr<SuppliedLatent> FromMessage(tae::LatentMessage message,
                                          const LatentOverrides& overrides) {
  Override(overrides, &message.header);
  tae::StatusOr<LatentInfo> info = InfoOfMessage(message.header);
  if (!info.ok()) return info.status();
  TAE_RETURN_IF_ERROR(CheckChannels(*info));
  TAE_RETURN_IF_ERROR(CheckBounds(*info));
  if (message.payload.size() < info->size())
    return tae::DataLoss("the latent has " +
                         std::to_string(message.payload.size()) +
                         " bytes, expected " + std::to_string(info->size()));
  size_t bytes = kOverhead + message.payload.size();
  for (const auto& [key, value] : message.header.metadata)
    bytes += 2 * (key.size() + value.size());
  auto* payload = new std::vector<uint8_t>(std::move(message.payload));
  GstPtr<GstBuffer> buffer(gst_buffer_new_wrapped_full(
      GST_MEMORY_FLAG_READONLY, payload->data(), payload->size(), 0,
      info->size(), payload, DeletePayload));
  return SuppliedLatent{*std::move(info),
                        std::move(buffer),
                        StepOfMessage(message.header),
                        TagsOfMessage(message.header),
                        {},
                        bytes};
}

}  // namespace taegst
