// libpng's simplified interface: errors come back as a message.
#include "tool/picture_file.h"

#include <png.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

namespace tae::tool {
namespace {

std::string EndingOf(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return ending;
}

Status CannotWrite(const std::string& path, const char* why) {
  return Unreadable(path + ": cannot be written: " + why);
}

Status WritePpm(const std::string& path, int width, int height,
                const uint8_t* rgb) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen(path.c_str(), "wb"), std::fclose);
  if (!file) return CannotWrite(path, std::strerror(errno));
  const size_t size = 3 * size_t(width) * size_t(height);
  if (std::fprintf(file.get(), "P6\n%d %d\n255\n", width, height) < 0 ||
      std::fwrite(rgb, 1, size, file.get()) != size ||
      std::fflush(file.get()) != 0)
    return CannotWrite(path, std::strerror(errno));
  return {};
}

Status WritePng(const std::string& path, int width, int height,
                const uint8_t* rgb) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&image, path.c_str(), 0, rgb, 0, nullptr) != 0)
    return {};
  return CannotWrite(path, image.message);
}

}  // namespace

Status CheckPictureName(const std::string& path) {
  const std::string ending = EndingOf(path);
  if (ending.empty() || ending == ".png" || ending == ".ppm") return {};
  return InvalidArgument("-o " + path +
                         ": pictures are written as .png or "
                         ".ppm, not as " +
                         ending);
}

std::string NumberedName(const std::string& path, size_t number) {
  std::string digits = std::to_string(number);
  const size_t percent = path.find('%');
  if (percent != std::string::npos) {
    const size_t end = path.find_first_not_of("0123456789", percent + 1);
    if (end != std::string::npos && path[end] == 'd') {
      const std::string width = path.substr(percent + 1, end - percent - 1);
      const size_t least = width.empty() || width.size() > 2
                               ? 1
                               : static_cast<size_t>(std::stoi(width));
      if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
      return path.substr(0, percent) + digits + path.substr(end + 1);
    }
  }
  const std::filesystem::path whole(path);
  std::filesystem::path name = whole.stem();
  name += "-" + digits;
  name += whole.extension();
  return (whole.parent_path() / name).string();
}

Status WritePicture(const std::string& path, int width, int height,
                    const uint8_t* rgb) {
  TAE_RETURN_IF_ERROR(CheckPictureName(path));
  if (EndingOf(path) == ".ppm") return WritePpm(path, width, height, rgb);
  return WritePng(path, width, height, rgb);
}

}  // namespace tae::tool
