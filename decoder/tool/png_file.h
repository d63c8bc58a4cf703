// Pictures to PNG.
#pragma once

#include <cstdint>
#include <string>

#include "tae/status.h"

namespace tae::tool {

// 8-bit RGB, rows of 3 * width bytes without padding. Errors: kUnreadable (the
// file cannot be written).
Status WritePng(const std::string& path, int width, int height,
                const uint8_t* rgb);

}  // namespace tae::tool
