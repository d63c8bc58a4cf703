#include "download_limit.h"

#include <utility>

#include "client_socket.h"

namespace preview {
namespace {

constexpr goffset kLeastSpeed = 64 << 10;  // bytes a second
constexpr guint kGraceSeconds = 60;

struct Download {
  SoupServerMessage* message;
  Shares::Place place;
  guint timer = 0;
};

gboolean CutOff(gpointer data) {
  auto* download = static_cast<Download*>(data);
  download->timer = 0;
  if (GSocket* socket = SocketOf(download->message))
    g_socket_shutdown(socket, TRUE, TRUE, nullptr);
  return G_SOURCE_REMOVE;
}

void OnHeaders(SoupServerMessage* message, gpointer data) {
  auto* download = static_cast<Download*>(data);
  if (download->timer != 0) return;
  const goffset length = soup_message_headers_get_content_length(
      soup_server_message_get_response_headers(message));
  download->timer = g_timeout_add_seconds(
      kGraceSeconds + guint(length / kLeastSpeed), CutOff, download);
}

void OnFinished(SoupServerMessage*, gpointer data) {
  auto* download = static_cast<Download*>(data);
  if (download->timer != 0) g_source_remove(download->timer);
  delete download;
}

}  // namespace

void LimitDownload(SoupServerMessage* message, Shares::Place place) {
  auto* download = new Download{message, std::move(place)};  // with the message
  g_signal_connect(message, "wrote-headers", G_CALLBACK(OnHeaders), download);
  g_signal_connect(message, "finished", G_CALLBACK(OnFinished), download);
}

}  // namespace preview
