// The connections of clients: how many there may be, and how long one may take
// to ask for something. A request that does not come to its end in time, byte
// after byte or not at all, is closed; and where there is no place for a new
// connection, the one that has waited longest with half a request makes room.
// Threads: the main one.
#pragma once

#include <gio/gio.h>
#include <libsoup/soup.h>

#include <list>
#include <string>

#include "shares.h"

namespace preview {

class Connections {
 public:
  static constexpr int kMost = 256;
  // For head and body of a request; also how long an idle one is kept.
  static constexpr gint64 kRequestTime = 20 * G_USEC_PER_SEC;

  Connections() = default;
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // False: there is no place, and it is to be closed.
  bool Admit(GSocketConnection* connection);

  // The next request of a connection is waited for; all of it came.
  void OnWaits(SoupServerMessage* message) { Set(message, true); }
  void OnCame(SoupServerMessage* message) { Set(message, false); }

  size_t count() const { return shares_.taken(); }

 private:
  struct Entry {
    GSocket* socket;    // while its connection lives
    GObject* identity;  // of the connection, never looked into
    std::string address;
    gint64 since;  // when it began to wait
    bool waits = true;
    Shares::Place place;
  };
  using At = std::list<Entry>::iterator;

  void Set(SoupServerMessage* message, bool waits);
  bool MakeRoom(const std::string& address);
  std::string Busiest() const;
  void Close(At entry);
  void CloseLateOnes();
  static void OnGone(gpointer self, GObject* connection);

  Shares shares_{kMost};
  std::list<Entry> entries_;  // those that wait: the longest of them first
  guint timer_ = 0;
};

}  // namespace preview
