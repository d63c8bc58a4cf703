#include "latentsrc/default_socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace taegst {
namespace {

constexpr char kName[] = "/tae.sock";

bool BelongsTo(const std::string& folder, uid_t user) {
  struct stat info;
  return lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
         info.st_uid == user;
}

tae::Status Unsafe(const std::string& folder, const std::string& why) {
  return tae::Unreadable(
      "location=unix: means " + folder + kName + ", but " + why +
      "; set XDG_RUNTIME_DIR to a folder of mode 0700 that is yours, or name a "
      "path (unix:/path) here and for the sender");
}

// Others must not be able to put a socket of theirs in its place.
tae::Status CheckFolder(const std::string& folder, uid_t user) {
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0)
    return Unsafe(folder, "that folder cannot be used: " +
                              std::string(std::strerror(errno)));
  if (!S_ISDIR(info.st_mode)) return Unsafe(folder, "that is not a folder");
  if (info.st_uid != user)
    return Unsafe(folder, "that folder belongs to user " +
                              std::to_string(info.st_uid) + ", not to user " +
                              std::to_string(user));
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return Unsafe(folder, "other users may write to that folder");
  return {};
}

}  // namespace

UserPlaces UserPlaces::OfThisProcess() {
  UserPlaces places;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr) places.runtime_folder = runtime;
  places.user = geteuid();
  return places;
}

tae::StatusOr<std::string> DefaultSocket(const UserPlaces& places) {
  const std::string user = std::to_string(places.user);
  std::string folder = places.runtime_folder;
  if (folder.empty()) {
    folder = places.run_folder + "/" + user;
    if (!BelongsTo(folder, places.user)) {
      folder = places.temporary_folder + "/tae-" + user;
      // That it is there already is no error: who made it is checked below.
      if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return Unsafe(folder, "that folder cannot be made: " +
                                  std::string(std::strerror(errno)));
    }
  }
  TAE_RETURN_IF_ERROR(CheckFolder(folder, places.user));
  return folder + kName;
}

}  // namespace taegst
