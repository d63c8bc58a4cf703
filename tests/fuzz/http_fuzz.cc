// Any bytes on a connection to the preview server, in this process: libsoup
// takes them apart, the server judges them and answers.
#include <arpa/inet.h>
#include <gst/gst.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "access.h"
#include "event_hub.h"
#include "generation_store.h"
#include "http_server.h"
#include "live_hub.h"
#include "options.h"
#include "routes.h"
#include "webrtc/hub.h"

namespace {

constexpr int kPatience = 200;  // turns of the main loop without a byte
constexpr int kMostTurns = 100000;

preview::Options OptionsOf() {
  preview::Options options;
  options.port = 0;
  options.webrtc = false;  // answers have a target of their own
  return options;
}

// The server without its pipeline, and one generation without a picture.
class Server {
 public:
  Server()
      : store_({}),
        events_([] { return std::string("{}"); }),
        webrtc_(false, "", [](const std::string&) {}),
        routes_({.store = &store_,
                 .live = &live_,
                 .events = &events_,
                 .webrtc = &webrtc_,
                 .status = [] { return std::string("{}"); },
                 .on_stop = [] {}},
                {}),
        http_(OptionsOf(),
              [this](const preview::Request& r) { routes_.Handle(r); }) {
    preview::ArrivedLatent latent;
    latent.step.prompt_id = "a";
    store_.AddLatent(std::move(latent));
    if (!http_.Start().ok()) abort();
    const std::string& url = http_.url();
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const size_t colon = url.rfind(':');
    address_.sin_port = htons(uint16_t(std::stoi(url.substr(colon + 1))));
  }

  void Feed(const uint8_t* data, size_t size) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        connect(fd, reinterpret_cast<sockaddr*>(&address_), sizeof address_))
      abort();
    // Of the loopback's buffer a few kilobytes are always free.
    (void)!send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    char reply[4096];
    for (int idle = 0; idle < kPatience; ++idle) {
      while (g_main_context_iteration(nullptr, FALSE)) {
      }
      const ssize_t got = recv(fd, reply, sizeof reply, MSG_DONTWAIT);
      if (got > 0) idle = 0;
      if (got == 0 || (got < 0 && errno == ECONNRESET)) break;
    }
    close(fd);
    // Whoever hangs up is forgotten, whatever it had asked for: only when it is
    // written to, where it listens.
    for (int turn = 0; http_.connections() > 0; ++turn) {
      if (turn > kMostTurns) abort();
      events_.PublishStatus();
      live_.Publish(1, picture_);
      while (g_main_context_iteration(nullptr, FALSE)) {
      }
    }
  }

 private:
  const preview::Bytes picture_ = preview::CopyBytes("picture");
  preview::GenerationStore store_;
  preview::LiveHub live_;
  preview::EventHub events_;
  preview::webrtc::Hub webrtc_;
  preview::Routes routes_;
  preview::HttpServer http_;
  sockaddr_in address_ = {};
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  gst_init(argc, argv);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* server = new Server;  // never ends: neither does libsoup's
  server->Feed(data, size);
  return 0;
}
