// The stream of messages, both ways.
#include "tae/latent_stream.h"

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "io/latent_header.h"
#include "io/latent_layout.h"

namespace tae {
namespace {

// How much of a payload is allocated before its bytes arrive.
constexpr uint64_t kReserve = uint64_t{4} << 20;

const char* NameOf(StoredType stored) {
  switch (stored) {
    case StoredType::kF16:
      return "F16";
    case StoredType::kBF16:
      return "BF16";
    case StoredType::kF32:
      return "F32";
    case StoredType::kF64:
      return "F64";
    case StoredType::kU8:
      return "U8";
  }
  return "";
}

StoredType StoredAs(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return StoredType::kF16;
    case DType::kBF16:
      return StoredType::kBF16;
    case DType::kF32:
      break;
  }
  return StoredType::kF32;
}

}  // namespace

Status LatentStreamReader::Fail(Status status) {
  error_ = status;
  current_.reset();
  head_ = {};
  return status;
}

uint64_t LatentStreamReader::wanted() const {
  if (complete_) return 1;
  if (current_) return current_->header.message_size - position_;
  return std::max<uint64_t>(1, needed_ - head_.size());
}

StatusOr<size_t> LatentStreamReader::Push(const void* bytes, size_t size) {
  if (!error_.ok()) return error_;
  const auto* at = static_cast<const uint8_t*>(bytes);
  size_t taken = 0;
  try {
    while (taken < size && !complete_) {
      StatusOr<size_t> step = current_ ? PushPayload(at + taken, size - taken)
                                       : PushHeader(at + taken, size - taken);
      if (!step.ok()) return Fail(step.status());
      taken += *step;
    }
  } catch (const std::bad_alloc&) {
    return Fail(OutOfMemory("latent stream: no memory for a message"));
  }
  return taken;
}

StatusOr<size_t> LatentStreamReader::PushHeader(const uint8_t* bytes,
                                                size_t size) {
  const size_t taken = static_cast<size_t>(
      std::min<uint64_t>(size, std::max<uint64_t>(1, needed_ - head_.size())));
  head_.insert(head_.end(), bytes, bytes + taken);
  if (head_.size() < needed_) return taken;
  StatusOr<std::optional<LatentHeader>> header =
      ReadLatentHeader(head_.data(), head_.size(), limits_, &needed_);
  if (!header.ok()) return header.status();
  if (header->has_value())
    TAE_RETURN_IF_ERROR(BeginPayload(*std::move(*header)));
  return taken;
}

Status LatentStreamReader::BeginPayload(LatentHeader header) {
  position_ = head_.size();
  head_.clear();
  needed_ = 1;
  current_.emplace();
  current_->header = std::move(header);
  current_->payload.reserve(std::min(kReserve, current_->header.stored_size));
  complete_ = position_ == current_->header.message_size;
  return {};
}

// Keeps the bytes of the latent and lets those of other tensors pass.
StatusOr<size_t> LatentStreamReader::PushPayload(const uint8_t* bytes,
                                                 size_t size) {
  LatentMessage& message = *current_;
  const LatentHeader& header = message.header;
  const uint64_t end = header.begin + header.stored_size;
  const uint64_t stop = position_ < header.begin ? header.begin
                        : position_ < end        ? end
                                                 : header.message_size;
  const size_t taken =
      static_cast<size_t>(std::min<uint64_t>(size, stop - position_));
  if (position_ >= header.begin && position_ < end)
    message.payload.insert(message.payload.end(), bytes, bytes + taken);
  position_ += taken;
  complete_ = position_ == header.message_size;
  if (complete_ && header.converts()) {
    std::vector<uint8_t> converted(header.payload_size);
    ConvertPayload(header, message.payload.data(), converted.data());
    message.payload = std::move(converted);
  }
  return taken;
}

std::optional<LatentMessage> LatentStreamReader::Pull() {
  if (!complete_) return {};
  complete_ = false;
  return std::exchange(current_, std::nullopt);
}

Status LatentStreamReader::Finish() const {
  if (!error_.ok()) return error_;
  if (complete_ || (!current_ && head_.empty())) return {};
  if (!current_)
    return DataLoss("latent stream: truncated: it ends after " +
                    std::to_string(head_.size()) +
                    " bytes of a header, expected at least " +
                    std::to_string(needed_));
  return DataLoss("latent stream: truncated: it ends after " +
                  std::to_string(position_) + " of " +
                  std::to_string(current_->header.message_size) +
                  " bytes of a message");
}

StatusOr<std::string> EncodeLatentHeader(StoredType stored,
                                         const std::vector<int64_t>& dims,
                                         uint64_t payload_size,
                                         const LatentMetadata& metadata) {
  if (stored == StoredType::kF64)
    return Unsupported("latent stream: F64 is read but not written; use F32");
  uint64_t expected = SizeOf(stored);
  for (const int64_t dim : dims)
    if (dim < 0 ||
        __builtin_mul_overflow(expected, static_cast<uint64_t>(dim), &expected))
      return InvalidArgument("latent stream: the shape is negative or too big");
  if (expected != payload_size)
    return InvalidArgument("latent stream: the shape asks for " +
                           std::to_string(expected) + " bytes, found " +
                           std::to_string(payload_size));
  nlohmann::ordered_json json;
  if (!metadata.empty()) json["__metadata__"] = metadata;
  json["latent"] = {{"dtype", NameOf(stored)},
                    {"shape", dims},
                    {"data_offsets", {uint64_t{0}, payload_size}}};
  // Text of unknown origin: what is no UTF-8 is replaced, never thrown about.
  std::string text = json.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string head(8, '\0');
  for (int i = 0; i < 8; ++i)
    head[static_cast<size_t>(i)] =
        static_cast<char>(static_cast<uint64_t>(text.size()) >> (8 * i));
  return head + text;
}

StatusOr<std::string> EncodeLatentHeader(const LatentView& latent,
                                         LatentMetadata metadata, int batch) {
  std::vector<int64_t> dims = DimsOf(latent);
  dims[0] = batch;
  uint64_t size = 0;
  if (batch < 1 || __builtin_mul_overflow(uint64_t{latent.size},
                                          static_cast<uint64_t>(batch), &size))
    return InvalidArgument("latent stream: a batch of " +
                           std::to_string(batch) + " cannot be written");
  DescribeView(latent, &metadata);
  return EncodeLatentHeader(StoredAs(latent.dtype), dims, size, metadata);
}

}  // namespace tae
