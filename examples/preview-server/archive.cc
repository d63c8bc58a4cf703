#include "archive.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace preview {
namespace {

namespace fs = std::filesystem;

constexpr char kEnding[] = ".safetensors";

struct Kept {
  std::string name;  // begins with its date: names are in order of time
  uint64_t size = 0;
};

tae::Status Trouble(const std::string& path, const char* what) {
  return tae::Unreadable("--keep: " + path + ": " + what + ": " +
                         g_strerror(errno));
}

std::string NameOf(int64_t date, uint64_t generation) {
  GDateTime* time = g_date_time_new_from_unix_local(date);
  char* text = time ? g_date_time_format(time, "%Y%m%d-%H%M%S") : nullptr;
  std::string name = std::string(text ? text : "00000000-000000") + "-" +
                     std::to_string(generation) + kEnding;
  g_free(text);
  if (time) g_date_time_unref(time);
  return name;
}

// YYYYMMDD-HHMMSS-NUMBER.safetensors: what NameOf makes.
bool IsOurs(std::string_view name) {
  if (!name.ends_with(kEnding)) return false;
  name.remove_suffix(sizeof kEnding - 1);
  if (name.size() < 17 || name[8] != '-' || name[15] != '-') return false;
  for (size_t i = 0; i < name.size(); ++i)
    if (i != 8 && i != 15 && !g_ascii_isdigit(name[i])) return false;
  return true;
}

std::vector<Kept> List(const std::string& folder) {
  std::vector<Kept> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    const std::string name = at->path().filename();
    if (IsOurs(name) && at->is_regular_file(ignored) &&
        !at->is_symlink(ignored))
      files.push_back({name, at->file_size(ignored)});
  }
  std::sort(files.begin(), files.end(),
            [](const Kept& a, const Kept& b) { return a.name < b.name; });
  return files;
}

// All of it, or what there was before.
bool WriteWhole(int fd, std::string_view bytes) {
  const off_t before = lseek(fd, 0, SEEK_END);
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(size_t(written));
    } else if (errno != EINTR) {
      const int why = errno;
      if (before >= 0 && ftruncate(fd, before) != 0) errno = why;
      errno = why;
      return false;
    }
  }
  return true;
}

}  // namespace

tae::StatusOr<Archive> Archive::Open(const std::string& folder,
                                     uint64_t most_bytes) {
  if (g_mkdir_with_parents(folder.c_str(), 0700) != 0 ||
      access(folder.c_str(), W_OK | X_OK) != 0)
    return Trouble(folder, "files cannot be made there");
  return Archive(folder, most_bytes);
}

// Removes the oldest files but `current` until `size` more bytes fit. False:
// they never will.
bool Archive::MakeRoom(const std::string& current, uint64_t size) {
  std::vector<Kept> files = List(folder_);
  uint64_t total = size;
  for (const Kept& file : files) total += file.size;
  for (const Kept& file : files) {
    if (total <= most_bytes_) break;
    if (file.name == current) continue;
    if (unlink((folder_ + "/" + file.name).c_str()) == 0) total -= file.size;
  }
  return total <= most_bytes_;
}

std::vector<std::string> Archive::Newest(size_t count) const {
  const std::vector<Kept> files = List(folder_);
  std::vector<std::string> names;
  for (size_t i = files.size() - std::min(count, files.size());
       i < files.size(); ++i)
    names.push_back(files[i].name);
  return names;
}

tae::StatusOr<std::shared_ptr<const KeptFile>> Archive::OpenKept(
    const std::string& name) const {
  const std::string path = folder_ + "/" + name;
  const int fd =
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return Trouble(path, "cannot be read");
  struct stat about = {};
  if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
    close(fd);
    return tae::Unreadable("--keep: " + path + ": is no file");
  }
  return std::make_shared<const KeptFile>(fd, uint64_t(about.st_size));
}

tae::Status Archive::Append(int64_t date, uint64_t generation,
                            const Bytes& message) {
  const std::string name = NameOf(date, generation);
  const std::string path = folder_ + "/" + name;
  if (!MakeRoom(name, SizeOf(message)))
    return tae::Unreadable("--keep: " + path +
                           ": --max-disk is reached by one generation; its "
                           "further latents are not kept");
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
           S_IRUSR | S_IWUSR);
  if (fd < 0) return Trouble(path, "cannot be written");
  const bool written = WriteWhole(fd, ViewOf(message));
  tae::Status status;
  if (!written) status = Trouble(path, "was not written");
  close(fd);
  return status;
}

}  // namespace preview
