// The facade: open a model, prepare a shape, decode a frame.
//
//   auto model = tae::LoadModel("taef2_decoder.safetensors", {});
//   tae::Decoder decoder(*model, {});
//   decoder.Prepare({.latent = {64, 64}, .format = tae::PixelFormat::kRgb});
//   decoder.Decode(latent_view, frame_view, nullptr);
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tae/export.h"
#include "tae/parallel.h"
#include "tae/status.h"
#include "tae/types.h"
#include "tae/variant.h"

namespace tae {

// A decoder network with its weights, checked and packed. Immutable, shared by
// all threads; loading the same file twice in one process gives one object.
class Model;

struct ModelInfo {
  std::string variant;       // "flux2"
  std::string architecture;  // "taesd-c32-pool", "builtin-shuffle4", "linear"
  std::string path;          // "" for a built-in model
  std::string sha256;        // of the file, lower-case hex
  std::string identity;      // "TAEF2 decoder, published 2025-12" or ""
  std::vector<std::string>
      warnings;  // sentences: unknown file, another build...
  int latent_channels = 0;
  int pixels_per_latent = 8;
};

struct LoadOptions {
  std::string variant;  // "" = detect from tensor names and shapes
};

// Opens a .safetensors or .pth decoder in any published key style.
// Errors: kNotFound, kUnreadable, kDataLoss (damaged or hostile file),
// kUnsupported (not a decoder we know), kInvalidArgument (unknown variant).
TAE_EXPORT StatusOr<std::shared_ptr<const Model>> LoadModel(
    const std::string& path, const LoadOptions& options);

// The linear projection latent -> RGB of a space, from the compiled-in table:
// needs no file. kUnsupported where no table exists.
TAE_EXPORT StatusOr<std::shared_ptr<const Model>> LinearModel(
    std::string_view variant);

// The small decoder of a space that is compiled in (decoder/models/): a real
// picture with no file, at about 1/30 of the full decoder's work.
// kUnsupported where none was made: so far there is "flux2".
TAE_EXPORT StatusOr<std::shared_ptr<const Model>> BuiltinModel(
    std::string_view variant);

TAE_EXPORT const ModelInfo& GetModelInfo(const Model& model);

// One way of a model to a picture.
struct RungInfo {
  std::string name;   // "full", "stage3", "builtin"
  int downscale = 1;  // sides of the picture are the full ones divided by this
  double flops = 0;   // of a latent pixel, the direct count (2 a multiply-add)
};

// The full one first.
TAE_EXPORT std::vector<RungInfo> GetRungs(const Model& model);

struct FoundWeights {
  std::string path;
  // Sentences for people: files that lie before it in the search and are
  // damaged or something else.
  std::vector<std::string> notes;
};

// Where the weights of a space lie: explicit_path if not empty, else the first
// hit in $TAE_MODEL_PATH (colon separated folders or files), the user's data
// dir ($XDG_DATA_HOME/tae), the system data dirs ($XDG_DATA_DIRS/tae), and
// $COMFYUI_PATH/models/vae_approx, and the cache of Hugging Face's hub
// ($HF_HUB_CACHE, $HF_HOME/hub). In each the published file names, folders of
// the repositories (taef1/, madebyollin/taef1/) and their snapshots are looked
// for; "~" is the home folder. A file that does not hold such weights is
// passed over with a note. kNotFound says the file, the URL and the command
// that fetches it, and which files were passed over.
TAE_EXPORT StatusOr<FoundWeights> FindWeights(std::string_view variant,
                                              std::string_view explicit_path);

// What a safetensors file is that is not a latent, for a message: "weights of a
// tiny decoder for flux2 (79 tensors)"; "" when nobody knows. `bytes` hold its
// header, 8 bytes of length and the JSON; more is not read.
TAE_EXPORT std::string DescribeWeights(const void* bytes, size_t size);

enum class Backend : uint8_t {
  kAuto,       // the fastest on this CPU
  kReference,  // scalar, double accumulators: the definition of right
  kBlas,       // float, convolutions on OpenBLAS
  kNative,     // our kernels
};

// While true, whoever decodes under it gives up as soon as it can: within a
// small part of a step. Any thread may set it, at any time.
using CancelFlag = std::shared_ptr<const std::atomic<bool>>;

struct DecoderOptions {
  Backend backend = Backend::kAuto;
  std::shared_ptr<ParallelFor> parallel;  // null = run in the caller
  // Pins the instruction set ("avx2", "scalar"...; "" = $TAE_CPU, else best).
  std::string cpu = {};
  CancelFlag cancel = {};  // null = never
};

// What makes one plan different from another of the same model.
struct PlanKey {
  Extent latent;  // height, width of the unpacked latent
  Precision precision = Precision::kAuto;
  PixelFormat format = PixelFormat::kRgb;
  int rung = 0;  // index of GetRungs; 0 is the full decoder
  friend bool operator==(const PlanKey&, const PlanKey&) = default;
};

// Sizes are bytes; flops count the direct algorithm (2 a multiply-add).
struct PlanStats {
  size_t arena_bytes = 0;    // all activations and scratch of a decode
  size_t weights_bytes = 0;  // packed, shared by all plans of the model
  double flops = 0;
  int steps = 0;
  // Whether DecodeChanged saves work: not with GroupNorm, whose statistics
  // depend on the whole latent, nor with the linear projection, which takes no
  // longer than to keep its picture.
  bool leaves_out_rows = false;
};

// What one Decode met.
struct DecodeReport {
  int64_t nonfinite = 0;  // NaN or Inf scalars in the latent, decoded as 0
  bool interrupted =
      false;              // by DecoderOptions::cancel; the frame is no picture
  int rows_left_out = 0;  // of the frame, by DecodeChanged
};

// One stream of frames. Threads: one caller at a time.
class TAE_EXPORT Decoder {
 public:
  Decoder(std::shared_ptr<const Model> model, DecoderOptions options);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  // Compiles the plan, or takes it from the cache of recent shapes. Allocates
  // all that Decode needs. Errors: kInvalidArgument (size), kUnsupported
  // (precision or instruction set), kOutOfMemory.
  Status Prepare(const PlanKey& key);

  // Decodes one latent into one frame of the prepared plan; allocates nothing
  // and cannot fail but by arguments that do not fit the plan. report may be
  // null. The frame is (latent.width * 8) x (latent.height * 8) over the rung's
  // downscale.
  Status Decode(const LatentView& latent, const FrameView& frame,
                DecodeReport* report) noexcept;

  // As Decode, for a frame that still holds the picture that the prepared plan
  // made of another latent: changed[y] is not 0 where row y of this one differs
  // from it (tae::ChangedRows finds out), of the latent's height. Rows of the
  // picture that depend on no such row are not decoded; bit for bit the picture
  // is what Decode makes of it. The report counts NaN and Inf only in rows that
  // are read, so that after a latent that had any all must be said to differ.
  Status DecodeChanged(const LatentView& latent,
                       std::span<const uint8_t> changed, const FrameView& frame,
                       DecodeReport* report) noexcept;

  const Model& model() const;
  PlanStats stats() const;       // of the prepared plan
  std::string DumpPlan() const;  // of the prepared plan, a line a step

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tae
