#include "latentsrc/listener.h"

#include <gio/gunixsocketaddress.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "latentsrc/default_socket.h"

namespace taegst {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kTcp = "tcp://";

struct FreeError {
  void operator()(GError* error) const { g_error_free(error); }
};
using ErrorPtr = std::unique_ptr<GError, FreeError>;

tae::Status Refused(const std::string& location, GError* raw) {
  const ErrorPtr error(raw);
  return tae::Unreadable("location=" + location + ": cannot listen there: " +
                         (error ? error->message : "unknown reason"));
}

// Whether a program answers at this socket file.
bool SomebodyListens(GSocketAddress* address) {
  ObjectPtr<GSocket> socket(g_socket_new(G_SOCKET_FAMILY_UNIX,
                                         G_SOCKET_TYPE_STREAM,
                                         G_SOCKET_PROTOCOL_DEFAULT, nullptr));
  return socket && g_socket_connect(socket.get(), address, nullptr, nullptr);
}

// A socket that listens, not blocking.
tae::StatusOr<ObjectPtr<GSocket>> ListenAt(GSocketAddress* address,
                                           const std::string& location) {
  GError* error = nullptr;
  const GSocketFamily family = g_socket_address_get_family(address);
  ObjectPtr<GSocket> socket(g_socket_new(family, G_SOCKET_TYPE_STREAM,
                                         G_SOCKET_PROTOCOL_DEFAULT, &error));
  if (!socket) return Refused(location, error);
  g_socket_set_blocking(socket.get(), FALSE);
  // Who connects to a unix socket whose queue is full is turned away at once.
  g_socket_set_listen_backlog(socket.get(), SOMAXCONN);
  // Of the socket file that bind makes: no other user may connect, not even
  // between bind() and a chmod().
  if (family == G_SOCKET_FAMILY_UNIX)
    fchmod(g_socket_get_fd(socket.get()), S_IRUSR | S_IWUSR);
  if (!g_socket_bind(socket.get(), address, TRUE, &error) ||
      !g_socket_listen(socket.get(), &error))
    return Refused(location, error);
  return socket;
}

std::string TextOf(GInetAddress* address) {
  char* text = g_inet_address_to_string(address);
  const std::string copy = text;
  g_free(text);
  return copy;
}

// The port that a socket was given.
guint16 PortOf(GSocket* socket) {
  const ObjectPtr<GSocketAddress> local(
      g_socket_get_local_address(socket, nullptr));
  return local ? g_inet_socket_address_get_port(
                     G_INET_SOCKET_ADDRESS(local.get()))
               : 0;
}

// All addresses of a host.
tae::StatusOr<std::vector<ObjectPtr<GInetAddress>>> Resolve(
    GSocketConnectable* target, const std::string& location) {
  ObjectPtr<GSocketAddressEnumerator> found(
      g_socket_connectable_enumerate(target));
  std::vector<ObjectPtr<GInetAddress>> hosts;
  GError* error = nullptr;
  while (const ObjectPtr<GSocketAddress> address{
      g_socket_address_enumerator_next(found.get(), nullptr, &error)}) {
    GInetAddress* host =
        g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address.get()));
    hosts.emplace_back(G_INET_ADDRESS(g_object_ref(host)));
  }
  if (hosts.empty()) return Refused(location, error);
  g_clear_error(&error);
  return hosts;
}

}  // namespace

bool IsStreamLocation(const std::string& location) {
  return location == "-" || location.starts_with(kUnix) ||
         location.starts_with(kTcp);
}

tae::StatusOr<std::unique_ptr<Listener>> Listener::Open(
    const std::string& location, bool allow_remote,
    const std::function<void(const tae::Status&)>& warn) {
  std::unique_ptr<Listener> listener(new Listener);
  if (!location.starts_with(kUnix)) {
    TAE_RETURN_IF_ERROR(listener->OpenTcp(location, allow_remote, warn));
    return listener;
  }
  std::string path = location.substr(kUnix.size());
  if (path.empty()) {
    tae::StatusOr<std::string> own = DefaultSocket(UserPlaces::OfThisProcess());
    if (!own.ok()) return own.status();
    path = *std::move(own);
  }
  TAE_RETURN_IF_ERROR(listener->OpenUnix(path));
  return listener;
}

tae::Status Listener::OpenUnix(const std::string& path) {
  const std::string location = std::string(kUnix) + path;
  // sockaddr_un has room for so many and a 0.
  if (path.size() > 107)
    return tae::InvalidArgument(
        "location=" + location +
        ": expected unix: and a path of at most 107 bytes, found " +
        std::to_string(path.size()));
  ObjectPtr<GSocketAddress> address(g_unix_socket_address_new(path.c_str()));
  struct stat info;
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode))
      return tae::InvalidArgument("location=" + location +
                                  ": there is a file that is no socket; "
                                  "remove it or choose another path");
    if (SomebodyListens(address.get()))
      return tae::Unreadable("location=" + location +
                             ": another program listens there; stop it or "
                             "choose another path");
    unlink(path.c_str());
  }
  auto socket = ListenAt(address.get(), location);
  if (!socket.ok()) return socket.status();
  sockets_.push_back(*std::move(socket));
  address_ = location;
  if (lstat(path.c_str(), &info) == 0) {
    path_ = path;
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
  return {};
}

tae::Status Listener::OpenTcp(
    const std::string& location, bool allow_remote,
    const std::function<void(const tae::Status&)>& warn) {
  GError* error = nullptr;
  const std::string place = location.substr(kTcp.size());
  ObjectPtr<GSocketConnectable> target(
      g_network_address_parse(place.c_str(), 0, &error));
  if (!target) return Refused(location, error);
  GNetworkAddress* network = G_NETWORK_ADDRESS(target.get());
  guint16 port = g_network_address_get_port(network);
  // Port 0, any that is free, must be asked for.
  if (port == 0 && !place.ends_with(":0"))
    return tae::InvalidArgument("location=" + location +
                                ": expected tcp://host:port, found no port");
  auto hosts = Resolve(target.get(), location);
  if (!hosts.ok()) return hosts.status();
  std::vector<tae::Status> refused;
  for (const ObjectPtr<GInetAddress>& host : *hosts) {
    if (!allow_remote && !g_inet_address_get_is_loopback(host.get()))
      return tae::InvalidArgument(
          "location=" + location +
          ": whoever reaches this address could send; set allow-remote=true "
          "if that is wanted, or listen at 127.0.0.1");
    const ObjectPtr<GSocketAddress> address(
        g_inet_socket_address_new(host.get(), port));
    auto socket =
        ListenAt(address.get(), location + " (" + TextOf(host.get()) + ")");
    if (!socket.ok()) {
      refused.push_back(socket.status());
      continue;
    }
    // The others get the port that the first was given.
    port = PortOf(socket->get());
    sockets_.push_back(*std::move(socket));
  }
  if (sockets_.empty()) return refused.front();
  for (const tae::Status& status : refused) warn(status);
  const std::string name = g_network_address_get_hostname(network);
  const bool v6 = name.find(':') != name.npos;
  address_ = std::string(kTcp) + (v6 ? "[" + name + "]" : name) + ":" +
             std::to_string(port);
  return {};
}

Listener::~Listener() {
  struct stat info;
  if (!path_.empty() && lstat(path_.c_str(), &info) == 0 &&
      info.st_dev == device_ && info.st_ino == inode_)
    unlink(path_.c_str());
}

std::vector<int> Listener::fds() const {
  std::vector<int> fds;
  for (const auto& socket : sockets_)
    fds.push_back(g_socket_get_fd(socket.get()));
  return fds;
}

bool Listener::SomebodyWaits() const {
  std::vector<pollfd> waiting;
  for (const int fd : fds())
    waiting.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  return poll(waiting.data(), nfds_t(waiting.size()), 0) > 0;
}

Descriptor Listener::Accept(int* error) const {
  *error = 0;
  for (const int fd : fds()) {
    int taken = -1;
    do {
      taken = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      // Who was there and left is not an error of ours.
    } while (taken < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (taken >= 0) return Descriptor(taken);
    if (errno != EAGAIN && errno != EWOULDBLOCK) *error = errno;
  }
  return Descriptor();
}

}  // namespace taegst
