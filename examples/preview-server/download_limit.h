// How long a download may take, for it keeps what may be evicted meanwhile, and
// a place that others wait for.
#pragma once

#include <libsoup/soup.h>

#include "shares.h"

namespace preview {

// Keeps `place` until the reply has gone, or its client is cut off: a minute
// and the time that 64 KiB a second take, from where the reply begins.
void LimitDownload(SoupServerMessage* message, Shares::Place place);

}  // namespace preview
