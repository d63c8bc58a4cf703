// Latents on the wire and in files: concatenated safetensors (or .npy)
// messages, one latent each. decoder/io/LATENT_STREAM.md is the specification.
//
//   tae::LatentStreamReader reader({});
//   while (size > 0) {
//     auto taken = reader.Push(bytes, size);      // any split of the stream
//     if (!taken.ok()) return taken.status();
//     bytes += *taken, size -= *taken;
//     if (auto message = reader.Pull()) Use(message->View());
//   }
//   return reader.Finish();
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tae/export.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

// The container that a message came in.
enum class LatentSource : uint8_t { kSafetensors, kNpy, kComfyLatent };

// What the metadata says, every key optional; numbers are parsed without
// regard to the locale. Names are lower case.
struct LatentDescription {
  std::string space;   // "flux2"; "" = not said
  std::string layout;  // "nchw", "packed"...; "" = read from the shape
  std::string domain;  // "sampler" or "vae"
  std::string pred;    // "x0" (an estimate of the picture), "x" (noisy) or ""
  std::optional<int> width;  // pixels of the decoded picture
  std::optional<int> height;
  std::optional<int> step;  // counted from 1
  std::optional<int> steps;
  std::optional<double> sigma;       // noise of this latent, 0 = clean
  std::optional<double> sigma_next;  // noise after the next step
  std::optional<double> timestep;
  std::optional<double> fps;
  std::optional<bool> final;
  std::optional<uint64_t> seed;
  std::string gen;  // changes with every generation
  std::string prompt;
  std::vector<std::string> notes;  // sentences about values that were ignored
};

using LatentMetadata = std::map<std::string, std::string>;

// Reads the known keys; what it does not know or cannot read stays in the map.
TAE_EXPORT LatentDescription DescribeLatent(const LatentMetadata& metadata);

// Writes the fields that are set into the map, over what is there.
TAE_EXPORT void StoreDescription(const LatentDescription& description,
                                 LatentMetadata* metadata);

// How the scalars lie in the message; all but the first three are converted on
// reading (F64 to F32, 8 bit to F16).
enum class StoredType : uint8_t { kF16, kBF16, kF32, kF64, kU8 };

// Everything that comes before the payload of one message.
struct LatentHeader {
  LatentSource source = LatentSource::kSafetensors;
  std::string tensor;         // its name in the file; "" in .npy
  std::vector<int64_t> dims;  // outermost first, as stored
  DType dtype = DType::kF16;  // of the payload that a reader hands out
  LatentMetadata metadata;    // unknown keys too
  LatentDescription description;

  // Where the scalars lie, in bytes from the start of the message.
  StoredType stored = StoredType::kF16;
  uint64_t begin = 0;
  uint64_t stored_size = 0;
  uint64_t message_size = 0;
  uint64_t payload_size = 0;  // after conversion
  // value = stored * scale + offset; empty: as stored; one entry: for all; one
  // a channel: 8-bit messages, whose channels lie first or last.
  std::vector<float> scale;
  std::vector<float> offset;
  bool channels_last = false;

  // Whether the payload differs from the stored bytes.
  bool converts() const { return stored >= StoredType::kF64 || !scale.empty(); }
};

struct LatentLimits {
  // Of live input. A ComfyUI workflow in the metadata has a megabyte or two.
  uint64_t header_bytes = uint64_t{16} << 20;
  // Of files: what the reference reader of safetensors takes.
  uint64_t file_header_bytes = 100'000'000;
  uint64_t payload_bytes = uint64_t{256} << 20;
  // Of all payloads together, where a whole file is read.
  uint64_t file_bytes = uint64_t{4} << 30;
};

// Reads the header at the start of `bytes`. nullopt: too few bytes, *needed
// (from the start, more than `size`) must be there before it is worth another
// try. Nothing is allocated for the payload.
// Errors: kDataLoss (damaged or hostile), kUnsupported (something else, the
// sentence says what), kInvalidArgument (over a limit).
TAE_EXPORT StatusOr<std::optional<LatentHeader>> ReadLatentHeader(
    const void* bytes, size_t size, const LatentLimits& limits,
    uint64_t* needed);

// Converts header.stored_size bytes at `stored` into header.payload_size bytes
// at `payload`. A copy when !header.converts().
TAE_EXPORT void ConvertPayload(const LatentHeader& header, const void* stored,
                               void* payload);

// How many latents of one shape the message holds, one behind the other: N of
// [N, C, H, W], [N, C, 1, H, W], [N, H, W, C] and [N, tokens, C]; 1 for all
// that is no batch, and where AsLatentView gives an error.
TAE_EXPORT int BatchOf(const LatentHeader& header);

// Resolves shape and metadata: layout, channels, extent, domain. `index` picks
// one of a batch, counted from 0. The view borrows `payload`, which is all of
// the message's header.payload_size bytes (null where only the shape matters).
// Errors: kUnsupported or kInvalidArgument with what was found and what helps.
TAE_EXPORT StatusOr<LatentView> AsLatentView(const LatentHeader& header,
                                             const void* payload,
                                             int index = 0);

// One line for people and logs.
TAE_EXPORT std::string ToString(const LatentHeader& header);

struct LatentMessage {
  LatentHeader header;
  std::vector<uint8_t> payload;

  StatusOr<LatentView> View(int index = 0) const {
    return AsLatentView(header, payload.data(), index);
  }
};

// Takes a byte stream apart into messages. Keeps at most one message. After an
// error it stays in error: there is no mark to find the next message by.
// Threads: one caller at a time.
class TAE_EXPORT LatentStreamReader {
 public:
  explicit LatentStreamReader(LatentLimits limits) : limits_(limits) {}

  // Takes bytes up to the end of the current message and says how many; 0 while
  // a complete message waits for Pull. Errors: as ReadLatentHeader.
  StatusOr<size_t> Push(const void* bytes, size_t size);

  // The message that Push completed, once.
  std::optional<LatentMessage> Pull();

  // At the end of the stream: kDataLoss when it ended inside a message.
  Status Finish() const;

  // Forgets everything: the next byte starts a message.
  void Reset() { *this = LatentStreamReader(limits_); }

  // How many bytes the current stage still waits for; at least 1.
  uint64_t wanted() const;

 private:
  StatusOr<size_t> PushHeader(const uint8_t* bytes, size_t size);
  StatusOr<size_t> PushPayload(const uint8_t* bytes, size_t size);
  Status BeginPayload(LatentHeader header);
  Status Fail(Status status);

  LatentLimits limits_;
  Status error_;
  std::vector<uint8_t> head_;  // bytes before the payload
  uint64_t needed_ = 1;        // of head_
  std::optional<LatentMessage> current_;
  uint64_t position_ = 0;  // bytes of the current message taken
  bool complete_ = false;
};

// The bytes of a safetensors message up to its payload, which follows as it is:
// `payload_size` bytes that must fit dims and stored type. kInvalidArgument
// when they do not, kUnsupported for kF64.
TAE_EXPORT StatusOr<std::string> EncodeLatentHeader(
    StoredType stored, const std::vector<int64_t>& dims, uint64_t payload_size,
    const LatentMetadata& metadata);

// The same for a latent of any layout. The view says shape, layout and domain;
// packed ones get width and height, 8 pixels a latent pixel, where the metadata
// lacks them. The latent's bytes follow as they are, or those of `batch`
// latents of which the view is the first.
TAE_EXPORT StatusOr<std::string> EncodeLatentHeader(const LatentView& latent,
                                                    LatentMetadata metadata,
                                                    int batch = 1);

// A whole message with 8 bits a scalar, scaled for each stored channel on its
// own (half the size of F16). Readers hand it out as F16. Numbers that are not
// finite become the channel's smallest. At latent.data lie `batch` latents, one
// behind the other; they share the scales.
TAE_EXPORT StatusOr<std::string> EncodeLatent8(const LatentView& latent,
                                               LatentMetadata metadata,
                                               int batch = 1);

// What a file of latents holds.
struct LatentFile {
  std::vector<LatentMessage> messages;  // at least one
  // Sentences about what is not among them, each with the file's name: where a
  // recording is cut or damaged, and what was ignored.
  std::vector<std::string> notes;
};

// All latents of a file: .safetensors (one latent; a recorded stream; or many
// tensors of one shape, in natural order of their names), .npy (also
// concatenated), .npz (also the caches of sd-scripts), ComfyUI .latent. Of a
// recording that ends inside a message, or in something else, all whole
// messages before that are given, and a note that names the byte. Every message
// names the file. Errors: kNotFound, kUnreadable, and as ReadLatentHeader where
// not even the first message is whole.
TAE_EXPORT StatusOr<LatentFile> ReadLatentFile(const std::string& path,
                                               const LatentLimits& limits);

// The order of files and tensors: runs of digits compare as numbers, "step_9"
// before "step_10".
TAE_EXPORT bool NaturalLess(std::string_view a, std::string_view b);

}  // namespace tae
