// Pictures to files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tae/status.h"

namespace tae::tool {

// kInvalidArgument where the name ends like a format that is not written here;
// ".png" and ".ppm" are, and a name without an ending becomes a PNG.
Status CheckPictureName(const std::string& path);

// "out-3.png" of "out.png"; where the name has "%d" (or "%03d") the number
// stands in its place.
std::string NumberedName(const std::string& path, size_t number);

// 8-bit RGB, rows of 3 * width bytes without padding, in the format of the
// name's ending. Errors: as CheckPictureName, kUnreadable (the file cannot be
// written).
Status WritePicture(const std::string& path, int width, int height,
                    const uint8_t* rgb);

}  // namespace tae::tool
