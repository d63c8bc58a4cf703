#include "io/latent_header.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "io/latent_npy.h"

namespace tae {
namespace {

constexpr size_t kProbe = 10;  // bytes that tell what a message is
constexpr std::string_view kNpyMagic = "\x93NUMPY";

// SD's VAE scale, by which ComfyUI divided before it wrote a format version.
constexpr float kOldComfyScale = 1.0f / 0.18215f;

uint64_t LoadLittleEndian(const uint8_t* bytes, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

// What other things begin with.
struct Foreign {
  std::string_view magic;
  std::string_view what;
};
constexpr Foreign kForeign[] = {
    {"PK\x03\x04",
     "a zip archive, such as a PyTorch .pth or NumPy's .npz: in a stream, send "
     "the latent as .safetensors or .npy"},
    {"PK\x05\x06", "an empty zip archive"},
    {"\x80\x02", "a Python pickle: save the latent as .safetensors or .npy"},
    {"\x80\x04", "a Python pickle: save the latent as .safetensors or .npy"},
    {"HTTP/", "an HTTP answer: the latents must come without HTTP"},
    {"GET ", "an HTTP request: open a plain TCP connection instead"},
    {"POST ", "an HTTP request: open a plain TCP connection instead"},
    {"PUT ", "an HTTP request: open a plain TCP connection instead"},
    {"GGUF", "a GGUF model file"},
    {"\x89PNG", "a PNG picture, not a latent"},
    {"\xff\xd8\xff", "a JPEG picture, not a latent"},
    {"GIF8", "a GIF picture, not a latent"},
    {"RIFF", "a RIFF file (WebP, AVI or WAV), not a latent"},
    {"\x1f\x8b", "gzip data: unpack it first"},
    {"\x28\xb5\x2f\xfd", "zstd data: unpack it first"},
    {"version ht",
     "a git-lfs pointer, not the file itself: run 'git lfs pull'"},
    {"<!DOCTYPE", "a web page: the download went wrong"},
    {"<!doctype", "a web page: the download went wrong"},
    {"<html", "a web page: the download went wrong"},
    {"<HTML", "a web page: the download went wrong"},
    {"<?xml", "XML, not a latent"},
    {"\x89HDF", "an HDF5 file: save the latent as .safetensors or .npy"},
    {"\x1a\x45\xdf\xa3", "a Matroska or WebM video, not a latent"},
    {"OggS", "an Ogg file, not a latent"},
    {"fLaC", "a FLAC file, not a latent"},
    {"ID3", "an MP3 file, not a latent"},
    {"%PDF", "a PDF document, not a latent"},
    {"{\"", "JSON without the 8 bytes of length in front that safetensors has"},
};

std::string Hex(const uint8_t* bytes, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    if (i > 0) text += ' ';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

bool IsText(const uint8_t* bytes, size_t size) {
  return std::all_of(bytes, bytes + size, [](uint8_t byte) {
    return (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\r' ||
           byte == '\t';
  });
}

std::string Printable(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' '; }, ' ');
  return line;
}

Status NotALatent(const uint8_t* bytes) {
  const std::string_view start(reinterpret_cast<const char*>(bytes), kProbe);
  for (const Foreign& foreign : kForeign)
    if (start.substr(0, foreign.magic.size()) == foreign.magic)
      return Unsupported("not a latent stream: this is " +
                         std::string(foreign.what));
  if (IsText(bytes, kProbe))
    return Unsupported(
        "not a latent stream: expected safetensors (8 bytes of length, then "
        "'{') or .npy, found text: '" +
        Printable(start) + "...'");
  return Unsupported(
      "not a latent stream: expected safetensors (8 bytes of length, then "
      "'{') or .npy, found the bytes " +
      Hex(bytes, kProbe));
}

Status OverLimit(const char* what, uint64_t found, uint64_t limit) {
  return InvalidArgument(
      "latent stream: " + std::string(what) + " of " + std::to_string(found) +
      " bytes is over the limit of " + std::to_string(limit));
}

std::optional<StoredType> StoredOf(std::string_view dtype, bool scaled) {
  if (dtype == "F16") return StoredType::kF16;
  if (dtype == "BF16") return StoredType::kBF16;
  if (dtype == "F32") return StoredType::kF32;
  if (dtype == "F64") return StoredType::kF64;
  if (dtype == "U8" && scaled) return StoredType::kU8;
  return {};
}

// Fills dtype, scale of old ComfyUI files and payload_size from the rest.
void SetPayload(LatentHeader* header) {
  switch (header->stored) {
    case StoredType::kF16:
    case StoredType::kU8:
      header->dtype = DType::kF16;
      break;
    case StoredType::kBF16:
      header->dtype = DType::kBF16;
      break;
    case StoredType::kF32:
    case StoredType::kF64:
      header->dtype = DType::kF32;
      break;
  }
  header->payload_size =
      header->stored_size / SizeOf(header->stored) * SizeOf(header->dtype);
}

// A list of numbers separated by spaces, one for all or one a channel.
StatusOr<std::vector<float>> ParseNumbers(const LatentMetadata& metadata,
                                          const std::string& key) {
  std::vector<float> numbers;
  const auto found = metadata.find(key);
  if (found == metadata.end()) return numbers;
  const char* at = found->second.data();
  const char* const end = at + found->second.size();
  while (at < end) {
    if (*at == ' ') {
      ++at;
      continue;
    }
    float value = 0;
    const auto [rest, error] = std::from_chars(at, end, value);
    if (error != std::errc())
      return DataLoss("latent stream: metadata '" + key +
                      "' is not a list of numbers");
    numbers.push_back(value);
    at = rest;
  }
  return numbers;
}

// The scales of an 8-bit message must fit its channels: the last dimension of
// tokens and of nhwc, the second of other messages.
Status ReadScales(LatentHeader* header) {
  if (header->stored != StoredType::kU8) return {};
  StatusOr<std::vector<float>> scale =
      ParseNumbers(header->metadata, "quant_scale");
  if (!scale.ok()) return scale.status();
  StatusOr<std::vector<float>> offset =
      ParseNumbers(header->metadata, "quant_offset");
  if (!offset.ok()) return offset.status();
  const std::vector<int64_t>& dims = header->dims;
  uint64_t channels = 0;
  if (dims.size() >= 3 && dims.size() <= 4) {
    header->channels_last =
        dims.size() == 3 || header->description.layout == "nhwc";
    channels =
        static_cast<uint64_t>(header->channels_last ? dims.back() : dims[1]);
  }
  const size_t count = scale->size();
  if (count == 0 || count != offset->size() ||
      (count != 1 && count != channels))
    return DataLoss(
        "latent stream: an 8-bit latent needs as many quant_scale and "
        "quant_offset as channels, of a shape [N, C, H, W], [N, H, W, C] or "
        "[N, tokens, C]");
  header->scale = *std::move(scale);
  header->offset = *std::move(offset);
  return {};
}

std::string ListNames(const SafetensorsJson& json) {
  std::string names;
  for (size_t i = 0; i < json.tensors.size() && i < 3; ++i)
    names += (i ? ", '" : "'") + json.tensors[i].name + "'";
  return names + (json.tensors.size() > 3 ? "..." : "");
}

bool LooksLikeWeights(const SafetensorsJson& json) {
  return std::any_of(json.tensors.begin(), json.tensors.end(),
                     [](const SafetensorsEntry& tensor) {
                       return tensor.name.ends_with("weight") ||
                              tensor.name.ends_with("bias");
                     });
}

bool LooksLikeLora(const SafetensorsJson& json) {
  return std::any_of(json.tensors.begin(), json.tensors.end(),
                     [](const SafetensorsEntry& tensor) {
                       return tensor.name.find("lora_") != std::string::npos;
                     });
}

// musubi-tuner caches [C, F, H, W] as "latents_4x20x32_float16": one clip.
std::vector<int64_t> DimsOfEntry(const SafetensorsEntry& entry) {
  std::vector<int64_t> dims = entry.dims;
  if (dims.size() != 4) return dims;
  const std::string cached = "latents_" + std::to_string(dims[1]) + "x" +
                             std::to_string(dims[2]) + "x" +
                             std::to_string(dims[3]) + "_";
  if (entry.name.starts_with(cached)) dims.insert(dims.begin(), 1);
  return dims;
}

StatusOr<std::optional<LatentHeader>> ReadNpy(const uint8_t* bytes, size_t size,
                                              const LatentLimits& limits,
                                              uint64_t* needed) {
  const int version = bytes[6];
  if (version < 1 || version > 3)
    return Unsupported("npy: unknown version " + std::to_string(version));
  const int length_size = version == 1 ? 2 : 4;
  const uint64_t text_begin = 8 + static_cast<uint64_t>(length_size);
  *needed = text_begin;
  if (size < *needed) return {std::nullopt};
  const uint64_t text_size = LoadLittleEndian(bytes + 8, length_size);
  if (text_size > limits.header_bytes)
    return OverLimit("a header", text_size, limits.header_bytes);
  *needed = text_begin + text_size;
  if (size < *needed) return {std::nullopt};

  StatusOr<NpyHeader> npy = ParseNpyHeader(std::string_view(
      reinterpret_cast<const char*>(bytes) + text_begin, text_size));
  if (!npy.ok()) return npy.status();
  LatentHeader header;
  header.source = LatentSource::kNpy;
  header.stored = npy->stored;
  header.dims = std::move(npy->dims);
  header.begin = *needed;
  header.stored_size = SizeOf(header.stored);
  for (const int64_t dim : header.dims)
    if (__builtin_mul_overflow(header.stored_size, static_cast<uint64_t>(dim),
                               &header.stored_size))
      return DataLoss("npy: the shape overflows");
  if (header.stored_size > limits.payload_bytes)
    return OverLimit("a payload", header.stored_size, limits.payload_bytes);
  header.message_size = header.begin + header.stored_size;
  SetPayload(&header);
  return {std::move(header)};
}

}  // namespace

uint64_t SizeOf(StoredType stored) {
  switch (stored) {
    case StoredType::kU8:
      return 1;
    case StoredType::kF16:
    case StoredType::kBF16:
      return 2;
    case StoredType::kF32:
      return 4;
    case StoredType::kF64:
      return 8;
  }
  return 0;
}

StatusOr<std::optional<StreamPrefix>> ReadStreamPrefix(
    const uint8_t* bytes, size_t size, const LatentLimits& limits,
    uint64_t* needed) {
  *needed = kProbe;
  if (size < *needed) return {std::nullopt};
  if (bytes[8] != '{') return NotALatent(bytes);
  const uint64_t text_size = LoadLittleEndian(bytes, 8);
  if (text_size > limits.header_bytes && IsText(bytes, 8))
    return NotALatent(bytes);  // its ninth letter happens to be '{'
  if (text_size > limits.header_bytes)
    return OverLimit("a header", text_size, limits.header_bytes);
  if (text_size < 2) return NotALatent(bytes);
  *needed = 8 + text_size;
  if (size < *needed) return {std::nullopt};

  StatusOr<SafetensorsJson> json = ParseSafetensorsJson(
      std::string_view(reinterpret_cast<const char*>(bytes) + 8, text_size));
  if (!json.ok()) return json.status();
  if (json->data_size > limits.payload_bytes)
    return OverLimit("a payload", json->data_size, limits.payload_bytes);
  return {StreamPrefix{*std::move(json), 8 + text_size}};
}

StatusOr<const SafetensorsEntry*> ChooseLatent(const SafetensorsJson& json) {
  for (const std::string_view name : {"x0", "latent", "latent_tensor"})
    for (const SafetensorsEntry& tensor : json.tensors)
      if (tensor.name == name) return &tensor;
  if (json.tensors.size() == 1 && !LooksLikeWeights(json))
    return &json.tensors.front();
  const std::string count = std::to_string(json.tensors.size());
  if (json.tensors.empty())
    return Unsupported("safetensors: no tensor at all, expected 'latent'");
  if (LooksLikeLora(json))
    return Unsupported("safetensors: these are weights of a LoRA (" + count +
                       " tensors: " + ListNames(json) + "), not a latent");
  if (LooksLikeWeights(json))
    return Unsupported("safetensors: these are weights (" + count +
                       " tensors: " + ListNames(json) +
                       "), not a latent: weights belong into model-file");
  return Unsupported("safetensors: none of the " + count + " tensors (" +
                     ListNames(json) +
                     ") is named 'latent', 'latent_tensor' or 'x0'");
}

StatusOr<LatentHeader> HeaderOfTensor(const StreamPrefix& prefix,
                                      const SafetensorsEntry& entry) {
  LatentHeader header;
  header.tensor = entry.name;
  header.dims = DimsOfEntry(entry);
  header.metadata = prefix.json.metadata;
  const std::optional<StoredType> stored =
      StoredOf(entry.dtype, header.metadata.contains("quant_scale"));
  if (!stored)
    return Unsupported("safetensors: latent '" + entry.name + "' is " +
                       entry.dtype + ", expected F16, BF16, F32 or F64");
  header.stored = *stored;
  header.begin = prefix.data_begin + entry.begin;
  header.stored_size = entry.end - entry.begin;
  header.message_size = prefix.data_begin + prefix.json.data_size;
  header.description = DescribeLatent(header.metadata);
  TAE_RETURN_IF_ERROR(ReadScales(&header));
  if (entry.name == "x0") header.description.pred = "x0";
  if (entry.name == "latent_tensor") {
    header.source = LatentSource::kComfyLatent;
    if (header.description.pred.empty()) header.description.pred = "x0";
    const bool versioned = std::any_of(
        prefix.json.tensors.begin(), prefix.json.tensors.end(),
        [](const auto& t) { return t.name == "latent_format_version_0"; });
    if (!versioned && !header.metadata.contains("latent_format_version_0"))
      header.scale = {kOldComfyScale};
  }
  SetPayload(&header);
  return header;
}

StatusOr<std::optional<LatentHeader>> ReadLatentHeader(
    const void* start, size_t size, const LatentLimits& limits,
    uint64_t* needed) {
  const uint8_t* bytes = static_cast<const uint8_t*>(start);
  *needed = kProbe;
  if (size < kProbe) return {std::nullopt};
  if (std::memcmp(bytes, kNpyMagic.data(), kNpyMagic.size()) == 0)
    return ReadNpy(bytes, size, limits, needed);

  StatusOr<std::optional<StreamPrefix>> prefix =
      ReadStreamPrefix(bytes, size, limits, needed);
  if (!prefix.ok()) return prefix.status();
  if (!prefix->has_value()) return {std::nullopt};
  StatusOr<const SafetensorsEntry*> chosen = ChooseLatent((*prefix)->json);
  if (!chosen.ok()) return chosen.status();
  StatusOr<LatentHeader> header = HeaderOfTensor(**prefix, **chosen);
  if (!header.ok()) return header.status();
  return {*std::move(header)};
}

}  // namespace tae
