#include "kept_download.h"

#include <algorithm>
#include <utility>

#include "client_socket.h"

namespace preview {
namespace {

constexpr uint64_t kPiece = 256 << 10;

class Download {
 public:
  Download(SoupServerMessage* message, std::shared_ptr<const KeptFile> file,
           uint64_t size)
      : message_(message), file_(std::move(file)), size_(size) {
    g_signal_connect(message, "wrote-chunk",
                     G_CALLBACK(+[](SoupServerMessage*, gpointer self) {
                       static_cast<Download*>(self)->Send();
                     }),
                     this);
    g_signal_connect(message, "finished",
                     G_CALLBACK(+[](SoupServerMessage*, gpointer self) {
                       delete static_cast<Download*>(self);
                     }),
                     this);
    Send();
  }

 private:
  void Send() {
    SoupMessageBody* body = soup_server_message_get_response_body(message_);
    const uint64_t wanted = std::min(kPiece, size_ - offset_);
    if (wanted == 0) {
      soup_message_body_complete(body);
    } else {
      const auto piece = file_->Read(offset_, wanted);
      if (!piece.ok() || SizeOf(*piece) != wanted) return HangUp();
      offset_ += wanted;
      soup_message_body_append_bytes(body, piece->get());
    }
    soup_server_message_unpause(message_);
  }

  // The client was told of more bytes: that it hears the end too early says
  // what happened.
  void HangUp() {
    if (GSocket* socket = SocketOf(message_))
      g_socket_shutdown(socket, TRUE, TRUE, nullptr);
  }

  SoupServerMessage* const message_;
  const std::shared_ptr<const KeptFile> file_;
  const uint64_t size_;
  uint64_t offset_ = 0;
};

}  // namespace

void ReplyKept(SoupServerMessage* message, std::shared_ptr<const KeptFile> file,
               uint64_t size, const std::string& type,
               const std::string& file_name) {
  soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
  SoupMessageHeaders* headers =
      soup_server_message_get_response_headers(message);
  soup_message_headers_set_encoding(headers, SOUP_ENCODING_CONTENT_LENGTH);
  soup_message_headers_set_content_length(headers, goffset(size));
  soup_message_headers_set_content_type(headers, type.c_str(), nullptr);
  soup_message_headers_replace(headers, "Cache-Control", "no-store");
  soup_message_headers_replace(
      headers, "Content-Disposition",
      ("attachment; filename=\"" + file_name + "\"").c_str());
  soup_message_body_set_accumulate(
      soup_server_message_get_response_body(message), FALSE);
  new Download(message, std::move(file), size);  // ends with the message
}

}  // namespace preview
