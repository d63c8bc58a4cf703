// Lines "key=value" as the metadata of a latent: what is read of it survives
// writing it, and a header made of it can be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tae/latent_stream.h"
#include "tae/variant.h"

namespace {

tae::LatentMetadata MetadataOf(std::string_view text) {
  tae::LatentMetadata metadata;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t equals = line.find('=');
    if (equals == line.npos) continue;
    metadata[std::string(line.substr(0, equals))] =
        std::string(line.substr(equals + 1));
  }
  return metadata;
}

bool Same(const tae::LatentDescription& a, const tae::LatentDescription& b) {
  return a.space == b.space && a.layout == b.layout && a.domain == b.domain &&
         a.pred == b.pred && a.width == b.width && a.height == b.height &&
         a.step == b.step && a.steps == b.steps && a.sigma == b.sigma &&
         a.sigma_next == b.sigma_next && a.timestep == b.timestep &&
         a.fps == b.fps && a.final == b.final && a.seed == b.seed &&
         a.gen == b.gen && a.prompt == b.prompt;
}

// A latent of 4 x 2 x 2 with this metadata, written and read.
void Trip(const tae::LatentMetadata& metadata) {
  auto text = tae::EncodeLatentHeader(tae::StoredType::kF16, {1, 4, 2, 2}, 32,
                                      metadata);
  if (!text.ok()) return;
  const std::string message = *text + std::string(32, '\0');
  uint64_t needed = 0;
  const auto header =
      tae::ReadLatentHeader(message.data(), message.size(), {}, &needed);
  if (header.ok() && !header->has_value()) abort();
  if (!header.ok()) return;  // as quant_scale of the wrong count
  if ((**header).message_size != message.size()) abort();
  std::vector<uint8_t> payload((**header).payload_size);
  (void)tae::AsLatentView(**header, payload.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tae::LatentMetadata metadata =
      MetadataOf({reinterpret_cast<const char*>(data), size});
  for (const auto& [key, value] : metadata)
    if (tae::FindVariant(value) == nullptr &&
        tae::UnknownVariant(value).message().empty())
      abort();
  const tae::LatentDescription said = tae::DescribeLatent(metadata);
  tae::LatentMetadata written;
  tae::StoreDescription(said, &written);
  if (!Same(said, tae::DescribeLatent(written))) abort();
  Trip(metadata);
  return 0;
}
