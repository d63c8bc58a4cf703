// A reply that goes on for as long as the client listens. One chunk is on its
// way to a client at a time; what it gets next is decided when that one has
// left, so a slow client holds up nobody and nothing piles up for it.
// Threads: the main one.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <string>

#include "bytes.h"

namespace preview {

class ChunkStream {
 public:
  // The next chunk for this client; null: nothing now, Wake() follows.
  using Next = std::function<Bytes()>;
  // The client is gone. The stream may be destroyed in there.
  using Gone = std::function<void()>;

  ChunkStream(SoupServerMessage* message, const std::string& content_type,
              Next next, Gone gone);
  ~ChunkStream();
  ChunkStream(const ChunkStream&) = delete;
  ChunkStream& operator=(const ChunkStream&) = delete;

  // There may be a next chunk.
  void Wake();

  // After what Next() still has, the reply is complete; Gone() follows.
  void Finish();

 private:
  void Send();
  static void OnWroteChunk(SoupServerMessage*, gpointer self);
  static void OnFinished(SoupServerMessage*, gpointer self);

  SoupServerMessage* message_;
  const Next next_;
  const Gone gone_;
  bool sending_ = false;
  bool finishing_ = false;
  bool finished_ = false;
};

}  // namespace preview
