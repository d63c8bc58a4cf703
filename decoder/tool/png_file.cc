// libpng's simplified interface: errors come back as a message.
#include "tool/png_file.h"

#include <png.h>

namespace tae::tool {

Status WritePng(const std::string& path, int width, int height,
                const uint8_t* rgb) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&image, path.c_str(), 0, rgb, 0, nullptr) != 0) {
    return {};
  }
  return Unreadable(path + ": cannot be written: " + image.message);
}

}  // namespace tae::tool
