#include "chunk_stream.h"

#include <utility>

namespace preview {

ChunkStream::ChunkStream(SoupServerMessage* message,
                         const std::string& content_type, Next next, Gone gone)
    : message_(SOUP_SERVER_MESSAGE(g_object_ref(message))),
      next_(std::move(next)),
      gone_(std::move(gone)) {
  soup_server_message_set_status(message_, SOUP_STATUS_OK, nullptr);
  SoupMessageHeaders* headers =
      soup_server_message_get_response_headers(message_);
  soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
  soup_message_headers_set_content_type(headers, content_type.c_str(), nullptr);
  soup_message_body_set_accumulate(
      soup_server_message_get_response_body(message_), FALSE);
  g_signal_connect(message_, "wrote-chunk", G_CALLBACK(OnWroteChunk), this);
  g_signal_connect(message_, "finished", G_CALLBACK(OnFinished), this);
  Send();
}

ChunkStream::~ChunkStream() {
  g_signal_handlers_disconnect_by_data(message_, this);
  g_object_unref(message_);
}

void ChunkStream::Wake() {
  if (!sending_) Send();
}

void ChunkStream::Finish() {
  finishing_ = true;
  Wake();
}

// Without a chunk libsoup waits for the next unpause by itself.
void ChunkStream::Send() {
  if (finished_) return;
  const Bytes chunk = next_();
  sending_ = chunk != nullptr || finishing_;
  if (!sending_) return;
  SoupMessageBody* body = soup_server_message_get_response_body(message_);
  if (chunk)
    soup_message_body_append_bytes(body, chunk.get());
  else
    soup_message_body_complete(body);
  finished_ = chunk == nullptr;
  soup_server_message_unpause(message_);
}

void ChunkStream::OnWroteChunk(SoupServerMessage*, gpointer self) {
  static_cast<ChunkStream*>(self)->Send();
}

void ChunkStream::OnFinished(SoupServerMessage*, gpointer self) {
  const Gone gone = static_cast<ChunkStream*>(self)->gone_;
  gone();
}

}  // namespace preview
