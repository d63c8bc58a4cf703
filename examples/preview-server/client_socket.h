// The socket of whoever sent a request. libsoup does not know it where the
// connection was accepted by somebody else, but keeps the address it came with.
#pragma once

#include <gio/gio.h>
#include <libsoup/soup.h>

namespace preview {

inline constexpr char kSocketOfAddress[] = "tae-socket";

// `remote` goes to libsoup with the connection.
inline void RememberSocket(GSocketAddress* remote, GSocket* socket) {
  g_object_set_data_full(G_OBJECT(remote), kSocketOfAddress,
                         g_object_ref(socket), g_object_unref);
}

// Null when the connection is gone.
inline GSocket* SocketOf(SoupServerMessage* message) {
  GSocketAddress* remote = soup_server_message_get_remote_address(message);
  return remote ? static_cast<GSocket*>(
                      g_object_get_data(G_OBJECT(remote), kSocketOfAddress))
                : nullptr;
}

}  // namespace preview
