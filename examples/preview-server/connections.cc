#include "connections.h"

#include <algorithm>
#include <map>

#include "client_socket.h"
#include "descriptors.h"

namespace preview {

Connections::~Connections() {
  if (timer_ != 0) g_source_remove(timer_);
  for (const Entry& entry : entries_)
    g_object_weak_unref(entry.identity, OnGone, this);
}

bool Connections::Admit(GSocketConnection* connection) {
  GSocketAddress* remote =
      g_socket_connection_get_remote_address(connection, nullptr);
  if (remote == nullptr) return false;
  const std::string address = HostOf(remote);
  g_object_unref(remote);
  while ((shares_.FullFor(address) != Shares::Full::kNo ||
          !EnoughDescriptors(0)) &&
         MakeRoom(address)) {
  }
  Shares::Place place = EnoughDescriptors(0) ? shares_.Take(address) : nullptr;
  if (!place) return false;
  entries_.push_back({.socket = g_socket_connection_get_socket(connection),
                      .identity = G_OBJECT(connection),
                      .address = address,
                      .since = g_get_monotonic_time(),
                      .place = std::move(place)});
  g_object_weak_ref(G_OBJECT(connection), OnGone, this);
  if (timer_ == 0)
    timer_ = g_timeout_add_seconds(
        1,
        [](gpointer self) -> gboolean {
          static_cast<Connections*>(self)->CloseLateOnes();
          return G_SOURCE_CONTINUE;
        },
        this);
  return true;
}

void Connections::OnGone(gpointer data, GObject* connection) {
  auto* self = static_cast<Connections*>(data);
  self->entries_.remove_if(
      [&](const Entry& entry) { return entry.identity == connection; });
}

void Connections::Set(SoupServerMessage* message, bool waits) {
  const GSocket* socket = SocketOf(message);
  const At entry =
      std::find_if(entries_.begin(), entries_.end(),
                   [&](const Entry& e) { return e.socket == socket; });
  if (entry == entries_.end()) return;
  entry->waits = waits;
  entry->since = g_get_monotonic_time();
  entries_.splice(entries_.end(), entries_, entry);
}

// The address with the most connections that wait.
std::string Connections::Busiest() const {
  std::map<std::string, size_t> counts;
  for (const Entry& entry : entries_)
    if (entry.waits) ++counts[entry.address];
  const auto most = std::max_element(
      counts.begin(), counts.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  return most != counts.end() ? most->first : "";
}

// False: nobody waits whose going would help this address.
bool Connections::MakeRoom(const std::string& address) {
  const Shares::Full full = shares_.FullFor(address);
  const std::string busiest =
      full == Shares::Full::kAddress ? address : Busiest();
  const auto at =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        if (full == Shares::Full::kRemote)
          return entry.waits && !Shares::IsLoopback(entry.address);
        return entry.waits && entry.address == busiest;
      });
  if (at == entries_.end()) return false;
  Close(at);
  return true;
}

// libsoup sees the end and lets go of the connection; its place and its
// descriptor are free at once.
void Connections::Close(At entry) {
  g_object_weak_unref(entry->identity, OnGone, this);
  g_socket_close(entry->socket, nullptr);
  entries_.erase(entry);
}

void Connections::CloseLateOnes() {
  const gint64 now = g_get_monotonic_time();
  for (At entry = entries_.begin(); entry != entries_.end();) {
    const At next = std::next(entry);
    if (entry->waits && now - entry->since > kRequestTime) Close(entry);
    entry = next;
  }
}

}  // namespace preview
