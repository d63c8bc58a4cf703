#include "http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <exception>
#include <new>
#include <utility>

#include "access.h"
#include "client_socket.h"
#include "reply.h"

namespace preview {
namespace {

// A connection that sends or takes nothing for so long is closed; one that
// waits for the next picture does neither and stays.
constexpr guint kSilentSeconds = 60;
constexpr goffset kMostBody = 64 << 10;

constexpr char kAskForToken[] =
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content='width=device-width'>"
    "<title>tae preview</title>"
    "<form action=/ method=get style='max-width:20em;margin:20vh auto;"
    "font:16px system-ui'><label>Token<br><input name=token type=password "
    "autofocus style='width:100%;font:inherit;padding:.5em'></label>"
    "<p><button style='font:inherit;padding:.5em 1em'>Watch</button></form>";

std::string Header(SoupServerMessage* message, const char* name) {
  const char* value = soup_message_headers_get_one(
      soup_server_message_get_request_headers(message), name);
  return value != nullptr ? value : "";
}

void SetHeader(SoupServerMessage* message, const char* name,
               const std::string& value) {
  soup_message_headers_replace(
      soup_server_message_get_response_headers(message), name, value.c_str());
}

void SetSafetyHeaders(SoupServerMessage* message) {
  SetHeader(message, "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; "
            "img-src 'self'; media-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  SetHeader(message, "X-Content-Type-Options", "nosniff");
  SetHeader(message, "Referrer-Policy", "no-referrer");
  SetHeader(message, "Cross-Origin-Resource-Policy", "same-origin");
}

std::string BodyOf(SoupServerMessage* message) {
  SoupMessageBody* body = soup_server_message_get_request_body(message);
  if (!soup_message_body_get_accumulate(body)) return {};
  GBytes* bytes = soup_message_body_flatten(body);
  gsize size = 0;
  const void* data = g_bytes_get_data(bytes, &size);
  std::string text(static_cast<const char*>(data), size);
  g_bytes_unref(bytes);
  return text;
}

Request RequestOf(SoupServerMessage* message, const char* path,
                  GHashTable* query) {
  Request request;
  request.message = message;
  const std::string method = soup_server_message_get_method(message);
  request.post = method == "POST";
  request.head = method == "HEAD";
  request.path = SplitPath(path != nullptr ? path : "");
  if (request.post) request.body = BodyOf(message);
  if (query == nullptr) return request;
  GHashTableIter iter;
  gpointer key = nullptr, value = nullptr;
  g_hash_table_iter_init(&iter, query);
  while (g_hash_table_iter_next(&iter, &key, &value))
    request.query[static_cast<const char*>(key)] =
        value != nullptr ? static_cast<const char*>(value) : "";
  return request;
}

}  // namespace

HttpServer::HttpServer(const Options& options, Handle handle)
    : options_(options), handle_(std::move(handle)) {}

HttpServer::~HttpServer() {
  if (service_ != nullptr) {
    g_socket_service_stop(service_);
    g_socket_listener_close(G_SOCKET_LISTENER(service_));
    g_object_unref(service_);
  }
  if (server_ != nullptr) {
    soup_server_disconnect(server_);
    g_object_unref(server_);
  }
}

tae::Status HttpServer::Start() {
  server_ = soup_server_new("server-header", "tae-preview", nullptr);
  soup_server_add_handler(server_, nullptr, OnRequest, this, nullptr);
  g_signal_connect(server_, "request-started", G_CALLBACK(OnStarted), this);
  service_ = g_socket_service_new();
  g_signal_connect(service_, "incoming", G_CALLBACK(OnConnection), this);
  GSocketAddress* wanted = g_inet_socket_address_new_from_string(
      options_.host.c_str(), guint(options_.port));
  GSocketAddress* bound = nullptr;
  GError* error = nullptr;
  const bool listens = g_socket_listener_add_address(
      G_SOCKET_LISTENER(service_), wanted, G_SOCKET_TYPE_STREAM,
      G_SOCKET_PROTOCOL_TCP, nullptr, &bound, &error);
  g_object_unref(wanted);
  if (!listens) {
    const std::string why = error->message;
    g_clear_error(&error);
    return tae::Unreadable("--listen=" + options_.host + ":" +
                           std::to_string(options_.port) +
                           ": cannot listen there: " + why);
  }
  const int port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
  g_object_unref(bound);
  const bool v6 = options_.host.find(':') != std::string::npos;
  url_.assign("http://").append(v6 ? "[" : "").append(options_.host);
  url_.append(v6 ? "]:" : ":").append(std::to_string(port)).append("/");
  g_socket_service_start(service_);
  return {};
}

gboolean HttpServer::OnConnection(GSocketService*,
                                  GSocketConnection* connection, GObject*,
                                  gpointer data) {
  auto* self = static_cast<HttpServer*>(data);
  if (!self->connections_.Admit(connection)) return TRUE;  // and it closes
  GSocket* socket = g_socket_connection_get_socket(connection);
  g_socket_set_timeout(socket, kSilentSeconds);
  g_socket_set_keepalive(socket, TRUE);
  g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, nullptr);
  g_socket_set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT,
                      kSilentSeconds * 1000, nullptr);
  GSocketAddress* local =
      g_socket_connection_get_local_address(connection, nullptr);
  GSocketAddress* remote =
      g_socket_connection_get_remote_address(connection, nullptr);
  if (remote != nullptr) RememberSocket(remote, socket);
  if (local != nullptr && remote != nullptr)
    soup_server_accept_iostream(self->server_, G_IO_STREAM(connection), local,
                                remote, nullptr);
  g_clear_object(&local);
  g_clear_object(&remote);
  return TRUE;
}

// Bodies are not kept, but for short ones that say how long they are.
void HttpServer::OnStarted(SoupServer*, SoupServerMessage* message,
                           gpointer data) {
  static_cast<HttpServer*>(data)->connections_.OnWaits(message);
  g_signal_connect(message, "got-body",
                   G_CALLBACK(+[](SoupServerMessage* m, gpointer self) {
                     static_cast<HttpServer*>(self)->connections_.OnCame(m);
                   }),
                   data);
  soup_message_body_set_accumulate(
      soup_server_message_get_request_body(message), FALSE);
  g_signal_connect(
      message, "got-headers", G_CALLBACK(+[](SoupServerMessage* m, gpointer) {
        SoupMessageHeaders* headers =
            soup_server_message_get_request_headers(m);
        const bool is_short =
            soup_message_headers_get_encoding(headers) ==
                SOUP_ENCODING_CONTENT_LENGTH &&
            soup_message_headers_get_content_length(headers) <= kMostBody;
        soup_message_body_set_accumulate(
            soup_server_message_get_request_body(m), is_short);
      }),
      nullptr);
}

void HttpServer::OnRequest(SoupServer*, SoupServerMessage* message,
                           const char* path, GHashTable* query, gpointer data) {
  try {
    SetSafetyHeaders(message);
    static_cast<HttpServer*>(data)->Answer(RequestOf(message, path, query));
  } catch (const std::exception&) {
    soup_server_message_set_status(message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                                   nullptr);
  }
}

void HttpServer::Answer(const Request& request) {
  if (!Admit(request)) return;
  const std::string method = soup_server_message_get_method(request.message);
  if (!request.post && !request.head && method != "GET")
    return ReplyError(request.message, SOUP_STATUS_METHOD_NOT_ALLOWED,
                      "expected GET, HEAD or POST");
  handle_(request);
}

// False: it has its answer.
bool HttpServer::Admit(const Request& request) {
  SoupServerMessage* message = request.message;
  const std::string host = Header(message, "Host");
  const std::string origin = Header(message, "Origin");
  const std::string authorization = Header(message, "Authorization");
  const std::string cookie = Header(message, "Cookie");
  const std::string token = request.Query("token");
  const Verdict verdict = Judge({.host = host,
                                 .origin = origin,
                                 .authorization = authorization,
                                 .cookie = cookie,
                                 .token = token},
                                options_.token);
  if (verdict == Verdict::kAllowed) return true;
  if (verdict == Verdict::kForeign) {
    ReplyError(message, SOUP_STATUS_FORBIDDEN,
               "this request comes from another site, or names another host; "
               "open " +
                   url_ + " itself");
    return false;
  }
  if (verdict == Verdict::kNoToken) {
    if (request.path.empty())
      ReplyText(message, SOUP_STATUS_UNAUTHORIZED, "text/html", kAskForToken);
    else
      ReplyError(message, SOUP_STATUS_UNAUTHORIZED,
                 "a token is needed: ?token=... or Authorization: Bearer ...");
    return false;
  }
  SetHeader(message, "Set-Cookie",
            std::string(kTokenCookie) + "=" + options_.token +
                "; Path=/; HttpOnly; SameSite=Strict");
  if (!request.path.empty()) return true;
  // The token does not stay in the address bar and the history.
  soup_server_message_set_redirect(message, SOUP_STATUS_SEE_OTHER, "/");
  return false;
}

}  // namespace preview
