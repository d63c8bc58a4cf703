// Replies that are complete at once.
#pragma once

#include <libsoup/soup.h>

#include <string>
#include <vector>

#include "bytes.h"

namespace preview {

// How long a browser may keep it.
enum class Caching { kNever, kForever };

void ReplyText(SoupServerMessage* message, unsigned status,
               const std::string& type, const std::string& text);
void ReplyJson(SoupServerMessage* message, const std::string& json);
// {"error": sentence}
void ReplyError(SoupServerMessage* message, unsigned status,
                const std::string& sentence);
// The parts one after another, without a copy. `file_name` not empty: to be
// saved under this name.
void ReplyBytes(SoupServerMessage* message, const std::string& type,
                const std::vector<Bytes>& parts, Caching caching,
                const std::string& file_name = {});

}  // namespace preview
