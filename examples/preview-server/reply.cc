#include "reply.h"

#include <nlohmann/json.hpp>

namespace preview {
namespace {

void SetCaching(SoupServerMessage* message, Caching caching) {
  soup_message_headers_replace(
      soup_server_message_get_response_headers(message), "Cache-Control",
      caching == Caching::kForever ? "private, max-age=31536000, immutable"
                                   : "no-store");
}

}  // namespace

void ReplyText(SoupServerMessage* message, unsigned status,
               const std::string& type, const std::string& text) {
  soup_server_message_set_status(message, status, nullptr);
  SetCaching(message, Caching::kNever);
  soup_server_message_set_response(message, type.c_str(), SOUP_MEMORY_COPY,
                                   text.data(), text.size());
}

void ReplyJson(SoupServerMessage* message, const std::string& json) {
  ReplyText(message, SOUP_STATUS_OK, "application/json", json + "\n");
}

void ReplyError(SoupServerMessage* message, unsigned status,
                const std::string& sentence) {
  ReplyText(message, status, "application/json",
            nlohmann::json{{"error", sentence}}.dump(
                -1, ' ', false, nlohmann::json::error_handler_t::replace) +
                "\n");
}

void ReplyBytes(SoupServerMessage* message, const std::string& type,
                const std::vector<Bytes>& parts, Caching caching,
                const std::string& file_name) {
  soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
  SetCaching(message, caching);
  SoupMessageHeaders* headers =
      soup_server_message_get_response_headers(message);
  soup_message_headers_set_content_type(headers, type.c_str(), nullptr);
  if (!file_name.empty())
    soup_message_headers_replace(
        headers, "Content-Disposition",
        ("attachment; filename=\"" + file_name + "\"").c_str());
  SoupMessageBody* body = soup_server_message_get_response_body(message);
  for (const Bytes& part : parts)
    if (SizeOf(part) > 0) soup_message_body_append_bytes(body, part.get());
}

}  // namespace preview
