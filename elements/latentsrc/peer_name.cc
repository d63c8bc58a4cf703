#include "latentsrc/peer_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace taegst {
namespace {

std::string ProcessName(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  // A process names itself: only what can be printed.
  for (char& c : name)
    if (c < ' ' || c > '~') c = '?';
  return "process " + std::to_string(pid) +
         (name.empty() ? "" : " (" + name + ")");
}

std::string InternetName(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text = {};
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
  inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) +
         "]:" + std::to_string(ntohs(v6->sin6_port));
}

}  // namespace

std::string PeerName(int fd) {
  if (fd == STDIN_FILENO) return "standard input";
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
      (address.ss_family == AF_INET || address.ss_family == AF_INET6))
    return InternetName(address);
  ucred peer = {};
  size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
      peer.pid > 0)
    return ProcessName(peer.pid);
  return "an unknown program";
}

}  // namespace taegst
