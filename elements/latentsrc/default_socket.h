// The socket of `location=unix:`, which names no path: one a user, in a folder
// that is the user's alone.
#pragma once

#include <sys/types.h>

#include <string>

#include "tae/status.h"

namespace taegst {

// What decides where it lies; tests make up their own.
struct UserPlaces {
  std::string runtime_folder;            // $XDG_RUNTIME_DIR; "" = not set
  std::string run_folder = "/run/user";  // of the folders of all users
  std::string temporary_folder = "/tmp";
  uid_t user = 0;

  static UserPlaces OfThisProcess();
};

// runtime_folder/tae.sock; without that run_folder/UID/tae.sock where the
// folder is the user's; else temporary_folder/tae-UID/tae.sock, whose folder is
// made (mode 0700). Senders look in the same places.
// Errors: kUnreadable where the folder is not there, is another user's, or may
// be written by others: whoever owns it could take the latents and prompts.
tae::StatusOr<std::string> DefaultSocket(const UserPlaces& places);

}  // namespace taegst
