// Latents of whole files.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "io/file_bytes.h"
#include "io/latent_header.h"
#include "io/latent_npz.h"
#include "tae/latent_stream.h"

namespace tae {
namespace {

// One read call's share of a file.
constexpr size_t kChunk = size_t{256} << 10;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

Status InFile(const std::string& path, const Status& status) {
  return {status.code(), path + ": " + status.message()};
}

Status CannotOpen(const std::string& path) {
  const std::string why = path + ": " + std::strerror(errno);
  return errno == ENOENT ? NotFound(why) : Unreadable(why);
}

// O_NONBLOCK: opening a pipe without a writer must not wait.
StatusOr<File> Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return CannotOpen(path);
  File file(fdopen(descriptor, "rb"));
  if (!file) {
    const Status status = CannotOpen(path);
    close(descriptor);
    return status;
  }
  struct stat info;
  if (fstat(descriptor, &info) != 0) return CannotOpen(path);
  if (!S_ISREG(info.st_mode))
    return Unreadable(path +
                      ": is not a regular file; what comes through a pipe is "
                      "read from standard input");
  return file;
}

// Up to `size` bytes. What a header claims costs no more memory than the file
// has bytes, nearly.
Status Read(std::FILE* file, size_t size, std::vector<uint8_t>* chunk) {
  chunk->clear();
  while (chunk->size() < size) {
    const size_t begin = chunk->size();
    const size_t wanted = std::min(kChunk, size - begin);
    chunk->resize(begin + wanted);
    const size_t got = std::fread(chunk->data() + begin, 1, wanted, file);
    chunk->resize(begin + got);
    if (std::ferror(file)) return Unreadable(std::strerror(errno));
    if (got < wanted) break;
  }
  return {};
}

// The digits that `text` begins with, without leading zeros, and how many
// characters they are with them.
std::pair<size_t, std::string_view> LeadingNumber(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  std::string_view number = text.substr(0, end);
  number.remove_prefix(std::min(number.find_first_not_of('0'), end));
  return {end, number};
}

// The tensors of a file whose latents are named step_000, step_001...; empty
// when the file is of the usual kind.
std::vector<const SafetensorsEntry*> SeriesOf(const SafetensorsJson& json) {
  std::vector<const SafetensorsEntry*> series;
  if (json.tensors.size() < 2 || ChooseLatent(json).ok()) return series;
  for (const SafetensorsEntry& tensor : json.tensors) {
    if (tensor.dims != json.tensors[0].dims ||
        tensor.dtype != json.tensors[0].dtype ||
        tensor.name.ends_with("weight") || tensor.name.ends_with("bias"))
      return {};
    series.push_back(&tensor);
  }
  std::sort(series.begin(), series.end(), [](const auto* a, const auto* b) {
    return NaturalLess(a->name, b->name);
  });
  return series;
}

// Adds a message to those of the file, unless they would take too much memory.
Status Keep(LatentMessage message, const LatentLimits& limits,
            uint64_t* file_bytes, std::vector<LatentMessage>* messages) {
  *file_bytes += message.payload.size();
  if (*file_bytes > limits.file_bytes)
    return InvalidArgument("its latents take more than " +
                           std::to_string(limits.file_bytes) +
                           " bytes; read it piece by piece, as a stream");
  messages->push_back(std::move(message));
  return {};
}

// Reads one tensor of a series out of the open file.
StatusOr<LatentMessage> ReadMember(std::FILE* file, const StreamPrefix& prefix,
                                   const SafetensorsEntry& entry) {
  StatusOr<LatentHeader> header = HeaderOfTensor(prefix, entry);
  if (!header.ok()) return header.status();
  std::vector<uint8_t> stored;
  if (std::fseek(file, static_cast<long>(header->begin), SEEK_SET) != 0)
    return Unreadable(std::strerror(errno));
  TAE_RETURN_IF_ERROR(Read(file, header->stored_size, &stored));
  if (stored.size() != header->stored_size)
    return DataLoss("truncated in tensor '" + entry.name + "'");
  LatentMessage message{*std::move(header), {}};
  message.payload.resize(message.header.payload_size);
  ConvertPayload(message.header, stored.data(), message.payload.data());
  return message;
}

// Of a series whose file does not reach to its end.
std::string CutMembers(const std::vector<const SafetensorsEntry*>& cut,
                       uint64_t data_begin) {
  const auto* first = *std::min_element(
      cut.begin(), cut.end(),
      [](const auto* a, const auto* b) { return a->begin < b->begin; });
  return "it is cut: " + std::to_string(cut.size()) +
         (cut.size() == 1 ? " tensor is" : " tensors are") +
         " not whole, the first of them '" + first->name +
         "', which begins at byte " + std::to_string(data_begin + first->begin);
}

// All members of a series; empty when the file is of the usual kind.
StatusOr<LatentFile> ReadSeries(std::FILE* file, const LatentLimits& limits) {
  LatentFile read;
  std::vector<uint8_t> head;
  uint64_t needed = 1;
  StatusOr<std::optional<StreamPrefix>> prefix(std::nullopt);
  while (!prefix->has_value()) {
    std::rewind(file);
    TAE_RETURN_IF_ERROR(Read(file, needed, &head));
    if (head.size() < needed) return read;
    prefix = ReadStreamPrefix(head.data(), head.size(), limits, &needed);
    if (!prefix.ok()) return read;  // the stream reader says what it is
  }
  const std::vector<const SafetensorsEntry*> series = SeriesOf((*prefix)->json);
  uint64_t file_bytes = 0;
  std::vector<const SafetensorsEntry*> cut;
  for (size_t i = 0; i < series.size(); ++i) {
    StatusOr<LatentMessage> message = ReadMember(file, **prefix, *series[i]);
    if (!message.ok() && message.status().code() == StatusCode::kDataLoss) {
      cut.push_back(series[i]);
      continue;
    }
    if (!message.ok()) return message.status();
    LatentDescription& said = message->header.description;
    said.step = static_cast<int>(i) + 1;
    said.steps = static_cast<int>(series.size());
    TAE_RETURN_IF_ERROR(
        Keep(*std::move(message), limits, &file_bytes, &read.messages));
  }
  if (cut.empty()) return read;
  const std::string note = CutMembers(cut, (*prefix)->data_begin);
  if (read.messages.empty()) return DataLoss(note);
  read.notes.push_back(note);
  return read;
}

// Why nothing more can be read, where something was.
std::string EndsEarly(const Status& status, uint64_t message_begin,
                      size_t whole) {
  return "only the first " + std::to_string(whole) +
         (whole == 1 ? " message is" : " messages are") +
         " whole; the one that begins at byte " +
         std::to_string(message_begin) + " is cut or damaged (" +
         status.message() + ")";
}

// Reads message by message until something cannot be read: that is an error for
// the first message, later a note.
class StreamOfFile {
 public:
  StreamOfFile(std::FILE* file, const LatentLimits& limits)
      : file_(file), limits_(limits), reader_(limits) {}

  StatusOr<LatentFile> ReadAll() {
    std::rewind(file_);
    Status status = ReadMessages();
    if (status.ok()) status = reader_.Finish();
    if (over_limit_) return status;
    if (read_.messages.empty())
      return status.ok() ? DataLoss("the file is empty") : status;
    if (!status.ok())
      read_.notes.push_back(
          EndsEarly(status, message_begin_, read_.messages.size()));
    return std::move(read_);
  }

 private:
  Status ReadMessages() {
    std::vector<uint8_t> chunk;
    do {
      TAE_RETURN_IF_ERROR(Read(file_, kChunk, &chunk));
      for (size_t at = 0; at < chunk.size();) {
        StatusOr<size_t> taken =
            reader_.Push(chunk.data() + at, chunk.size() - at);
        if (!taken.ok()) return taken.status();
        at += *taken;
        position_ += *taken;
        TAE_RETURN_IF_ERROR(KeepMessage());
      }
    } while (!chunk.empty());
    return {};
  }

  Status KeepMessage() {
    std::optional<LatentMessage> message = reader_.Pull();
    if (!message) return {};
    message_begin_ = position_;
    Status status =
        Keep(*std::move(message), limits_, &file_bytes_, &read_.messages);
    over_limit_ = !status.ok();
    return status;
  }

  std::FILE* file_;
  const LatentLimits& limits_;
  LatentStreamReader reader_;
  LatentFile read_;
  uint64_t position_ = 0;       // in the file
  uint64_t message_begin_ = 0;  // of the one that is not whole yet
  uint64_t file_bytes_ = 0;
  bool over_limit_ = false;
};

bool IsZip(std::FILE* file) {
  constexpr std::string_view kMagic = "PK\x03\x04";
  char start[kMagic.size()];
  const size_t size = std::fread(start, 1, sizeof(start), file);
  std::rewind(file);
  return std::string_view(start, size) == kMagic;
}

// Every message names the file.
StatusOr<LatentFile> WithPath(const std::string& path,
                              StatusOr<LatentFile> read) {
  if (!read.ok()) return InFile(path, read.status());
  for (std::string& note : read->notes) note.insert(0, path + ": ");
  return read;
}

}  // namespace

bool NaturalLess(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const auto [digits_a, number_a] = LeadingNumber(a);
    const auto [digits_b, number_b] = LeadingNumber(b);
    if (digits_a > 0 && digits_b > 0) {
      if (number_a.size() != number_b.size())
        return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
      a.remove_prefix(digits_a);
      b.remove_prefix(digits_b);
      continue;
    }
    if (a[0] != b[0]) return a[0] < b[0];
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() < b.size();
}

StatusOr<LatentFile> ReadLatentFile(const std::string& path,
                                    const LatentLimits& limits) {
  LatentLimits of_file = limits;
  of_file.header_bytes = limits.file_header_bytes;
  try {
    StatusOr<File> file = Open(path);
    if (!file.ok()) return file.status();
    if (IsZip(file->get())) {
      const auto bytes = FileBytes::Read(path, limits.file_bytes);
      if (!bytes.ok()) return bytes.status();
      return WithPath(path, ParseNpz(**bytes, of_file));
    }
    StatusOr<LatentFile> read = ReadSeries(file->get(), of_file);
    if (read.ok() && read->messages.empty())
      read = StreamOfFile(file->get(), of_file).ReadAll();
    return WithPath(path, std::move(read));
  } catch (const std::bad_alloc&) {
    return OutOfMemory(path + ": no memory for its latents");
  }
}

}  // namespace tae
