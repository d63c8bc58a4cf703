// The socket of whoever sent a request. libsoup does not know it where the
// connection was accepted by somebody else, but keeps the address it came with.
#pragma once

#include <gio/gio.h>
#include <libsoup/soup.h>

#include <string>
#include <string_view>

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

// The IP address, an IPv4 one also where it came to a socket of IPv6; "" where
// it is none.
inline std::string HostOf(GSocketAddress* address) {
  if (!G_IS_INET_SOCKET_ADDRESS(address)) return {};
  char* text = g_inet_address_to_string(
      g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
  std::string host = text;
  g_free(text);
  constexpr std::string_view kMapped = "::ffff:";
  if (host.starts_with(kMapped) && host.find('.') != std::string::npos)
    host.erase(0, kMapped.size());
  return host;
}

}  // namespace preview
