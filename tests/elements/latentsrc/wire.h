// Latent messages for tests, and a producer that sends them.
#pragma once

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tae/latent_stream.h"

namespace taegst::testing {

// A message of F16 latents whose bytes are all `fill`.
inline std::string MessageOf(const std::vector<int64_t>& dims,
                             const tae::LatentMetadata& metadata,
                             char fill = 0) {
  size_t size = 2;
  for (const int64_t dim : dims) size *= size_t(dim);
  const std::string payload(size, fill);
  const auto header = tae::EncodeLatentHeader(tae::StoredType::kF16, dims,
                                              payload.size(), metadata);
  EXPECT_TRUE(header.ok()) << header.status().message();
  return *header + payload;
}

// One of shape [1, 4, height, width].
inline std::string Message(const tae::LatentMetadata& metadata, char fill = 0,
                           int height = 2, int width = 3) {
  return MessageOf({1, 4, height, width}, metadata, fill);
}

// Connects when made; hangs up when it goes.
class Producer {
 public:
  // "unix:/path" or "tcp://host:port", as latentsrc's location.
  explicit Producer(const std::string& address) {
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_socket_client_set_enable_proxy(client, FALSE);
    g_autoptr(GSocketConnectable) target = nullptr;
    if (address.starts_with("unix:"))
      target =
          G_SOCKET_CONNECTABLE(g_unix_socket_address_new(address.c_str() + 5));
    else
      target = g_network_address_parse_uri(address.c_str(), 1, nullptr);
    connection_ = g_socket_client_connect(client, target, nullptr, nullptr);
    EXPECT_NE(connection_, nullptr) << address;
  }
  ~Producer() { g_clear_object(&connection_); }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  bool Send(const std::string& bytes) {
    return g_output_stream_write_all(
        g_io_stream_get_output_stream(G_IO_STREAM(connection_)), bytes.data(),
        bytes.size(), nullptr, nullptr, nullptr);
  }

 private:
  GSocketConnection* connection_ = nullptr;
};

}  // namespace taegst::testing
