// All who watch by WebRTC, and how they come to it over HTTP:
//
//   POST /webrtc     lines of JSON, as long as the client listens; the first is
//                    {"id": ..., "sdp": offer, "stun": ...}
//   POST /webrtc/ID  {"sdp": answer}
//
// Who stops listening to the lines is gone, and so is its connection.
// Threads: the main one, but for Show().
#pragma once

#include <libsoup/soup.h>

#include <list>
#include <memory>
#include <string>

#include "bytes.h"
#include "chunk_stream.h"
#include "shares.h"
#include "webrtc/encoder.h"
#include "webrtc/peer.h"

namespace preview::webrtc {

class Hub {
 public:
  static constexpr size_t kMostPeers = 16;
  static constexpr gint64 kPatience = 30 * G_USEC_PER_SEC;  // to be connected

  // `on_notice` is called with a sentence for people.
  // `allowed` false: none is ever offered. `stun_server`: as Peer::Settings.
  Hub(bool allowed, std::string stun_server,
      std::function<void(std::string)> on_notice);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // Allowed, and GStreamer's elements for it are installed.
  bool offered() const { return offered_; }
  size_t viewers() const { return peers_.size(); }

  // A new picture; any thread.
  void Show(std::shared_ptr<GstSample> picture) {
    encoder_.Show(std::move(picture));
  }

  // Both answer the request.
  void Invite(SoupServerMessage* message);
  void TakeAnswer(SoupServerMessage* message, const std::string& id,
                  std::string_view body);

 private:
  struct Guest {
    std::string id;
    gint64 came = 0;
    bool connected = false;
    gint64 spoken = 0;           // when it got its last line
    Bytes line;                  // that it has not got yet
    std::shared_ptr<Peer> peer;  // null: it ended
    Shares::Place place;
    std::unique_ptr<ChunkStream> stream;
  };
  using Place = std::list<Guest>::iterator;

  tae::Status Begin(Place guest, const std::string& address);
  void OnOffer(Place guest, const std::string& sdp);
  void OnConnected(Place guest);
  void Say(Place guest, const std::string& line);
  void Disconnect(Place guest);
  void End(Place guest);
  void Leave(Place guest);
  void Tick();

  const std::string stun_server_;
  const std::function<void(std::string)> on_notice_;
  const bool offered_;
  guint tick_ = 0;
  Encoder encoder_;
  Shares shares_{kMostPeers};
  std::list<Guest> peers_;
};

}  // namespace preview::webrtc
