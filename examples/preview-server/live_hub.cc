#include "live_hub.h"

#include <string>
#include <utility>

namespace preview {
namespace {

constexpr char kBoundary[] = "tae-picture";

// A part with the boundary that follows it: browsers show a part when they
// have seen that. The first part has one before it, too.
Bytes MakePart(const Bytes& jpeg, bool first) {
  const std::string boundary = std::string("--") + kBoundary + "\r\n";
  std::string part = first ? boundary : "";
  part += "Content-Type: image/jpeg\r\nContent-Length: " +
          std::to_string(SizeOf(jpeg)) + "\r\n\r\n";
  part += ViewOf(jpeg);
  part += "\r\n" + boundary;
  return CopyBytes(part);
}

}  // namespace

bool LiveHub::Add(SoupServerMessage* message, std::optional<uint64_t> only,
                  const Bytes& first) {
  if (viewers_.size() >= kMostViewers) return false;
  const auto viewer = viewers_.emplace(viewers_.end());
  viewer->only = only;
  viewer->waiting = first ? MakePart(first, true)
                          : CopyBytes(std::string("--") + kBoundary + "\r\n");
  viewer->stream = std::make_unique<ChunkStream>(
      message, std::string("multipart/x-mixed-replace; boundary=") + kBoundary,
      [viewer] { return std::exchange(viewer->waiting, nullptr); },
      [this, viewer] { viewers_.erase(viewer); });
  return true;
}

void LiveHub::Publish(uint64_t generation, const Bytes& jpeg) {
  Bytes part;  // one copy for all
  for (Viewer& viewer : viewers_) {
    if (viewer.only && *viewer.only != generation) continue;
    if (!part) part = MakePart(jpeg, false);
    if (viewer.waiting) ++skipped_;
    viewer.waiting = part;
    viewer.stream->Wake();
  }
}

}  // namespace preview
