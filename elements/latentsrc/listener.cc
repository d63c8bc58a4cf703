#include "latentsrc/listener.h"

#include <gio/gunixsocketaddress.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

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

}  // namespace

bool IsStreamLocation(const std::string& location) {
  return location == "-" || location.starts_with(kUnix) ||
         location.starts_with(kTcp);
}

tae::StatusOr<std::unique_ptr<Listener>> Listener::Open(
    const std::string& location, bool allow_remote) {
  std::unique_ptr<Listener> listener(new Listener);
  TAE_RETURN_IF_ERROR(location.starts_with(kUnix)
                          ? listener->OpenUnix(location.substr(kUnix.size()))
                          : listener->OpenTcp(location, allow_remote));
  return listener;
}

tae::Status Listener::OpenUnix(const std::string& path) {
  const std::string location = std::string(kUnix) + path;
  // sockaddr_un has room for so many and a 0.
  if (path.empty() || path.size() > 107)
    return tae::InvalidArgument("location=" + location +
                                ": expected unix: and a path of 1 to 107 "
                                "bytes, found " +
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
  TAE_RETURN_IF_ERROR(Bind(address.get(), location));
  if (lstat(path.c_str(), &info) == 0) {
    path_ = path;
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
  return {};
}

tae::Status Listener::OpenTcp(const std::string& location, bool allow_remote) {
  GError* error = nullptr;
  const std::string place = location.substr(kTcp.size());
  ObjectPtr<GSocketConnectable> target(
      g_network_address_parse(place.c_str(), 0, &error));
  if (!target) return Refused(location, error);
  GNetworkAddress* network = G_NETWORK_ADDRESS(target.get());
  // Port 0, any that is free, must be asked for.
  if (g_network_address_get_port(network) == 0 && !place.ends_with(":0"))
    return tae::InvalidArgument("location=" + location +
                                ": expected tcp://host:port, found no port");
  ObjectPtr<GSocketAddressEnumerator> found(
      g_socket_connectable_enumerate(target.get()));
  ObjectPtr<GSocketAddress> address(
      g_socket_address_enumerator_next(found.get(), nullptr, &error));
  if (!address) return Refused(location, error);
  GInetAddress* host =
      g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address.get()));
  if (!allow_remote && !g_inet_address_get_is_loopback(host))
    return tae::InvalidArgument(
        "location=" + location +
        ": whoever reaches this address could send; set allow-remote=true if "
        "that is wanted, or listen at 127.0.0.1");
  TAE_RETURN_IF_ERROR(Bind(address.get(), location));
  ObjectPtr<GSocketAddress> local(
      g_socket_get_local_address(socket_.get(), nullptr));
  if (local)
    address_ =
        std::string(kTcp) + g_network_address_get_hostname(network) + ":" +
        std::to_string(
            g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local.get())));
  return {};
}

tae::Status Listener::Bind(GSocketAddress* address,
                           const std::string& location) {
  GError* error = nullptr;
  socket_.reset(g_socket_new(g_socket_address_get_family(address),
                             G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                             &error));
  if (!socket_) return Refused(location, error);
  g_socket_set_blocking(socket_.get(), FALSE);
  // Of the socket file that bind makes: nobody else may connect, at no time.
  if (g_socket_address_get_family(address) == G_SOCKET_FAMILY_UNIX)
    fchmod(g_socket_get_fd(socket_.get()), S_IRUSR | S_IWUSR);
  if (!g_socket_bind(socket_.get(), address, TRUE, &error) ||
      !g_socket_listen(socket_.get(), &error))
    return Refused(location, error);
  address_ = location;
  return {};
}

Listener::~Listener() {
  struct stat info;
  if (!path_.empty() && lstat(path_.c_str(), &info) == 0 &&
      info.st_dev == device_ && info.st_ino == inode_)
    unlink(path_.c_str());
}

ObjectPtr<GSocket> Listener::Accept() {
  ObjectPtr<GSocket> connection(
      g_socket_accept(socket_.get(), nullptr, nullptr));
  if (connection) g_socket_set_blocking(connection.get(), FALSE);
  return connection;
}

}  // namespace taegst
