#include "webrtc/hub.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "client_socket.h"
#include "descriptors.h"
#include "reply.h"
#include "webrtc/answer.h"

namespace preview::webrtc {
namespace {

constexpr guint kTickMs = 100;

// What a peer takes, and the encoder with the first one; GLib ends a program
// that has none left.
constexpr size_t kDescriptorsOfPeer = 64;

// An empty line, for only who is written to is found to be gone.
constexpr gint64 kSpeakEvery = 2 * G_USEC_PER_SEC;

std::string MakeId() {
  char text[33];
  g_snprintf(text, sizeof text, "%08x%08x%08x%08x", g_random_int(),
             g_random_int(), g_random_int(), g_random_int());
  return text;
}

// "stun://host:port" as browsers write it, "stun:host:port".
std::string StunUrl(std::string uri) {
  if (uri.empty()) return uri;
  return uri.erase(uri.find("//"), 2);
}

}  // namespace

Hub::Hub(bool allowed, std::string stun_server,
         std::function<void(std::string)> on_notice)
    : stun_server_(std::move(stun_server)),
      on_notice_(std::move(on_notice)),
      offered_(allowed && Encoder::Installed() && Peer::Installed()),
      encoder_([this](const std::string& why) {
        on_notice_(why);
        for (Place guest = peers_.begin(); guest != peers_.end(); ++guest)
          End(guest);
      }) {}

Hub::~Hub() {
  if (tick_ != 0) g_source_remove(tick_);
  for (Place guest = peers_.begin(); guest != peers_.end(); ++guest)
    Disconnect(guest);
}

void Hub::Invite(SoupServerMessage* message) {
  if (!offered())
    return ReplyError(message, SOUP_STATUS_NOT_FOUND,
                      "WebRTC needs GStreamer's webrtcbin and nice elements "
                      "(packages gstreamer1.0-plugins-bad and "
                      "gstreamer1.0-nice)");
  Shares::Place place =
      shares_.Take(HostOf(soup_server_message_get_remote_address(message)));
  if (!place)
    return ReplyError(message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                      "too many viewers");
  if (!EnoughDescriptors(kDescriptorsOfPeer))
    return ReplyError(message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                      "too few file descriptors are left for WebRTC");
  const Place guest = peers_.emplace(peers_.end());
  guest->id = MakeId();
  guest->place = std::move(place);
  guest->came = guest->spoken = g_get_monotonic_time();
  const std::string address =
      HostOf(soup_server_message_get_local_address(message));
  if (const tae::Status begun = Begin(guest, address); !begun.ok()) {
    peers_.erase(guest);
    return ReplyError(message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                      begun.message());
  }
  guest->stream = std::make_unique<ChunkStream>(
      message, "application/x-ndjson",
      [guest] { return std::exchange(guest->line, nullptr); },
      [this, guest] { Leave(guest); });
  if (tick_ == 0)
    tick_ = g_timeout_add(
        kTickMs,
        [](gpointer self) -> gboolean {
          static_cast<Hub*>(self)->Tick();
          return G_SOURCE_CONTINUE;
        },
        this);
}

// The video goes to the address that the page came from, and to no other one of
// this machine.
tae::Status Hub::Begin(Place guest, const std::string& address) {
  guest->peer = std::make_shared<Peer>(Peer::Events{
      .on_offer = [this,
                   guest](const std::string& sdp) { OnOffer(guest, sdp); },
      .on_connected = [this, guest] { OnConnected(guest); },
      .on_end = [this, guest] { End(guest); },
      .on_key_frame_wanted = [this] { encoder_.WantKeyFrame(); }});
  return guest->peer->Start(encoder_.caps().get(),
                            {.address = address, .stun_server = stun_server_});
}

void Hub::OnOffer(Place guest, const std::string& sdp) {
  const nlohmann::json said = {
      {"id", guest->id}, {"sdp", sdp}, {"stun", StunUrl(stun_server_)}};
  Say(guest, said.dump());
}

void Hub::TakeAnswer(SoupServerMessage* message, const std::string& id,
                     std::string_view body) {
  const auto guest =
      std::find_if(peers_.begin(), peers_.end(),
                   [&](const Guest& g) { return g.id == id && g.peer; });
  if (guest == peers_.end())
    return ReplyError(message, SOUP_STATUS_NOT_FOUND,
                      "there is no such offer, or no longer");
  const auto answer =
      ReadAnswer(guest->peer->offer(), body, !stun_server_.empty());
  if (!answer.ok())
    return ReplyError(message, SOUP_STATUS_BAD_REQUEST,
                      answer.status().message());
  if (!guest->peer->SetAnswer(*answer))
    return ReplyError(message, SOUP_STATUS_CONFLICT,
                      "this offer was answered already");
  ReplyJson(message, "{}");
}

void Hub::Say(Place guest, const std::string& line) {
  guest->spoken = g_get_monotonic_time();
  guest->line = CopyBytes(line + "\n");
  guest->stream->Wake();
}

void Hub::OnConnected(Place guest) {
  if (std::exchange(guest->connected, true)) return;
  const tae::Status added = encoder_.Add(guest->peer->packets());
  if (added.ok()) return;
  on_notice_(added.message());
  End(guest);
}

void Hub::Disconnect(Place guest) {
  if (!guest->peer) return;
  if (guest->connected) encoder_.Remove(guest->peer->packets());
  guest->peer.reset();
}

// The client learns it, and the reply ends.
void Hub::End(Place guest) {
  if (!guest->peer) return;
  Disconnect(guest);
  Say(guest, R"({"end":true})");
  guest->stream->Finish();
}

void Hub::Leave(Place guest) {
  Disconnect(guest);
  peers_.erase(guest);
  if (!peers_.empty() || tick_ == 0) return;
  g_source_remove(tick_);
  tick_ = 0;
}

void Hub::Tick() {
  const gint64 now = g_get_monotonic_time();
  for (Place guest = peers_.begin(); guest != peers_.end(); ++guest) {
    if (!guest->connected && now - guest->came > kPatience) End(guest);
    if (!guest->line && now - guest->spoken > kSpeakEvery) Say(guest, "");
  }
  encoder_.Tick();
}

}  // namespace preview::webrtc
