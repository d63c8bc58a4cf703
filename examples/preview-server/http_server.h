// HTTP: connections, who may ask, and the way to the routes. Bounded in
// connections, in the time that a silent one is kept, and in what a request may
// send.
// Threads: the main one.
#pragma once

#include <gio/gio.h>
#include <libsoup/soup.h>

#include <functional>
#include <string>

#include "connections.h"
#include "options.h"
#include "request.h"
#include "tae/status.h"

namespace preview {

class HttpServer {
 public:
  using Handle = std::function<void(const Request&)>;

  // `handle` sees requests that are allowed.
  HttpServer(const Options& options, Handle handle);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // From here on browsers can connect. Errors: the address is taken, or not one
  // of this machine.
  tae::Status Start();

  // "http://127.0.0.1:8080/", after Start().
  const std::string& url() const { return url_; }
  int connections() const { return int(connections_.count()); }

 private:
  static gboolean OnConnection(GSocketService*, GSocketConnection* connection,
                               GObject*, gpointer self);
  static void OnStarted(SoupServer*, SoupServerMessage* message, gpointer self);
  static void OnRequest(SoupServer*, SoupServerMessage* message,
                        const char* path, GHashTable* query, gpointer self);
  void Answer(const Request& request);
  bool Admit(const Request& request);

  const Options options_;
  const Handle handle_;
  SoupServer* server_ = nullptr;
  GSocketService* service_ = nullptr;
  std::string url_;
  Connections connections_;
};

}  // namespace preview
