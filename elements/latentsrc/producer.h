// A program that sends latents: one connection.
#pragma once

#include <glib.h>

#include <set>
#include <string>
#include <utility>

#include "latentsrc/admission.h"
#include "latentsrc/descriptor.h"
#include "latentsrc/generation_name.h"
#include "latentsrc/peer_name.h"
#include "tae/latent_stream.h"

namespace taegst {

struct Producer {
  // The descriptor is read from; where `owned` is empty it is not closed.
  Producer(guint64 number, int fd, Descriptor owned,
           const tae::LatentLimits& limits)
      : connection("connection-" + std::to_string(number)),
        peer(PeerName(fd)),
        fd(fd),
        owned(std::move(owned)),
        reader(limits),
        generation(connection) {
    record.connected = record.last_bytes = record.last_latent =
        g_get_monotonic_time();
  }

  // "connection-3 of process 4711 (python3)".
  std::string name() const { return connection + " of " + peer; }

  const std::string connection;
  const std::string peer;
  const int fd;
  const Descriptor owned;
  tae::LatentStreamReader reader;
  GenerationName generation;
  ConnectionRecord record;
  guint64 latents = 0;
  std::set<std::string> said;  // once each, however often it is true
};

}  // namespace taegst
