#include "latentparse/message_index.h"

#include <algorithm>

#include "common/gst_ptr.h"

namespace taegst {
namespace {

constexpr guint64 kFirstRead = 4096;  // most headers are smaller

// The header of the message at `begin`; nullopt when it is none.
std::optional<tae::LatentHeader> PullHeader(GstPad* pad, guint64 begin,
                                            guint64 size,
                                            const tae::LatentLimits& limits) {
  guint64 wanted = std::min(kFirstRead, size - begin);
  while (true) {
    GstBuffer* pulled = nullptr;
    if (gst_pad_pull_range(pad, begin, guint(wanted), &pulled) != GST_FLOW_OK)
      return std::nullopt;
    const GstPtr<GstBuffer> buffer(pulled);
    const ReadMap map(buffer.get());
    if (!map.ok()) return std::nullopt;
    uint64_t needed = 0;
    auto header =
        tae::ReadLatentHeader(map.data(), map.size(), limits, &needed);
    if (!header.ok()) return std::nullopt;
    if (header->has_value()) return **std::move(header);
    if (needed <= wanted || needed > size - begin) return std::nullopt;
    wanted = needed;
  }
}

}  // namespace

void MessageIndex::Add(guint64 begin, guint64 end) {
  if (begin != end_ || end <= begin || begins_.size() >= kMaxMessages) return;
  begins_.push_back(begin);
  end_ = end;
}

guint64 MessageIndex::BeginOf(size_t number) const {
  if (begins_.empty()) return 0;
  return begins_[std::min(number, begins_.size() - 1)];
}

std::optional<size_t> MessageIndex::NumberAt(guint64 offset) const {
  const auto found = std::lower_bound(begins_.begin(), begins_.end(), offset);
  if (found == begins_.end() || *found != offset) return std::nullopt;
  return size_t(found - begins_.begin());
}

guint64 MessageIndex::CountBefore(guint64 offset) const {
  if (begins_.empty()) return 0;
  if (offset >= end_)
    return gst_util_uint64_scale(offset, begins_.size(), end_);
  return guint64(std::lower_bound(begins_.begin(), begins_.end(), offset) -
                 begins_.begin());
}

std::optional<guint64> MessageIndex::NextBegin(guint64 offset) const {
  const auto found = std::upper_bound(begins_.begin(), begins_.end(), offset);
  if (found == begins_.end()) return std::nullopt;
  return *found;
}

MessageIndex ScanMessages(GstPad* pad, guint64 size,
                          const tae::LatentLimits& limits) {
  MessageIndex index;
  while (index.end() < size && index.count() < MessageIndex::kMaxMessages) {
    const auto header = PullHeader(pad, index.end(), size, limits);
    if (!header || header->message_size > size - index.end()) break;
    index.Add(index.end(), index.end() + header->message_size);
  }
  return index;
}

}  // namespace taegst
