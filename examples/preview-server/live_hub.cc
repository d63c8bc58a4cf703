#include "live_hub.h"

#include <string>
#include <utility>

#include "client_socket.h"

namespace preview {
namespace {

constexpr char kType[] = "multipart/x-mixed-replace; boundary=tae-picture";
constexpr char kPartHead[] =
    "--tae-picture\r\nContent-Type: image/jpeg\r\n\r\n";

// A picture and the head of the next part: Chromium shows a part only when it
// has seen the head of the one after it, and a step may take seconds. So no
// part says its length.
std::string MakePart(const Bytes& jpeg) {
  return std::string(ViewOf(jpeg)).append("\r\n").append(kPartHead);
}

}  // namespace

bool LiveHub::Add(SoupServerMessage* message, std::optional<uint64_t> only,
                  const Bytes& first) {
  Shares::Place place =
      shares_.Take(HostOf(soup_server_message_get_remote_address(message)));
  if (!place) return false;
  const auto viewer = viewers_.emplace(viewers_.end());
  viewer->place = std::move(place);
  viewer->only = only;
  viewer->waiting = CopyBytes(kPartHead + (first ? MakePart(first) : ""));
  viewer->stream = std::make_unique<ChunkStream>(
      message, kType,
      [viewer] { return std::exchange(viewer->waiting, nullptr); },
      [this, viewer] { viewers_.erase(viewer); });
  return true;
}

void LiveHub::Publish(uint64_t generation, const Bytes& jpeg) {
  Bytes part;  // one copy for all
  for (Viewer& viewer : viewers_) {
    if (viewer.only && *viewer.only != generation) continue;
    if (!part) part = CopyBytes(MakePart(jpeg));
    if (viewer.waiting) ++skipped_;
    viewer.waiting = part;
    viewer.stream->Wake();
  }
}

}  // namespace preview
