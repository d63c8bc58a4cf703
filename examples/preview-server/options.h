// The command line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "generation_store.h"
#include "tae/status.h"

namespace preview {

struct Options {
  std::string host = "127.0.0.1";
  int port = 8080;
  std::string token;  // "" = none is asked for
  // As latentsrc's property, "unix:" is the user's own socket; "" = its demo.
  std::string latents = "unix:";
  bool remote_latents = false;
  // Properties of taedecode, names and values; the later ones win.
  std::vector<std::pair<std::string, std::string>> decoder = {{"nice", "10"}};
  GenerationStore::Limits limits;
  bool webrtc = true;  // offered where it is installed
  // "stun://host:port" for viewers behind other routers; "" = none.
  std::string stun_server;
  std::string keep;  // a folder for all latents; "" = none
  uint64_t most_disk_bytes = uint64_t{4096} << 20;  // of that folder
};

// Takes the command line apart. Errors: kInvalidArgument, a sentence on what to
// do. `--help` prints and ends the program.
tae::StatusOr<Options> ParseOptions(int argc, char** argv);

}  // namespace preview
