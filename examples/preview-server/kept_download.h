// A file of the archive as a reply, piece by piece as the client takes it.
// Threads: the main one.
#pragma once

#include <libsoup/soup.h>

#include <cstdint>
#include <memory>
#include <string>

#include "stored_latent.h"

namespace preview {

// The first `size` bytes, to be saved under `file_name`.
void ReplyKept(SoupServerMessage* message, std::shared_ptr<const KeptFile> file,
               uint64_t size, const std::string& type,
               const std::string& file_name);

}  // namespace preview
