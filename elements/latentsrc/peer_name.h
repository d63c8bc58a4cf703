// Who is at the other end of a connection, for messages to people.
#pragma once

#include <string>

namespace taegst {

// "process 4711 (python3)" of a unix socket, "127.0.0.1:40000" of a tcp one,
// "standard input"; "an unknown program" where the system does not say.
std::string PeerName(int fd);

}  // namespace taegst
