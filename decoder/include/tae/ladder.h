// The quality ladder of a latent space: every way from its latents to a
// picture, each at a price.
//
//   linear    a matrix on each latent pixel or its 3x3 surroundings
//   builtin   the small decoder that is compiled in
//   stage1..3 the full decoder up to that stage, then a short head
//   full      the full decoder
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tae/decoder.h"
#include "tae/export.h"
#include "tae/parallel.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

// Names of rungs; a rung that a space has not got is missing in its ladder.
enum class Quality : uint8_t {
  kLinear,
  kBuiltin,
  kStage1,
  kStage2,
  kStage3,
  kFull,
};

TAE_EXPORT std::string_view QualityName(Quality quality);
// Nothing where no rung is called so.
TAE_EXPORT std::optional<Quality> FindQuality(std::string_view name);

// Measured, of one rung of one space, where the kernels of this project run.
struct RungFigures {
  // Of the full decoder's time at 1024x1024 on two cores.
  double time_ratio = 0;
  // Median PSNR, in dB, of pictures of 1/1, 1/2, 1/4 and 1/8 of each side
  // against means of the full decoder's pixels. 0 = not measured.
  double psnr[4] = {};
};

// The models that serve one space; null = not there.
struct LadderModels {
  std::shared_ptr<const Model> linear;   // LinearModel
  std::shared_ptr<const Model> builtin;  // BuiltinModel
  std::shared_ptr<const Model> full;     // LoadModel
};

// One way to a picture whose sides are the full ones divided by a whole number.
struct LadderRung {
  Quality quality = Quality::kFull;
  std::shared_ptr<const Model> model;
  int rung = 0;       // index of GetRungs(*model)
  int downscale = 1;  // of the picture that the model gives
  int shrink = 1;     // what is left for ShrinkFrame; the product was asked for
  double share = 1;   // of the full decoder's multiply-adds; 1 = not known
  double psnr = 0;    // at this size; 0 = not measured
  double time_ratio = 0;  // at full size; 0 = not measured
};

// The ladder for pictures of 1/scale of each side, the cheapest first. A rung
// that has no picture of that size gives a larger one, to be shrunk. Empty
// where `scale` does not divide the pixels of a latent pixel.
TAE_EXPORT std::vector<LadderRung> GetLadder(const LadderModels& models,
                                             int scale);

// The part of a ladder that is worth climbing, the cheapest first: each rung
// better than those below it. Its last is the best for its size: the full
// decoder for scale 1, and for smaller pictures the best of those rungs that
// need the least shrinking, for what is not seen is not worth computing.
TAE_EXPORT std::vector<LadderRung> WorthClimbing(
    const std::vector<LadderRung>& ladder);

// The rung of that name. kFull where the full decoder is not among the models
// means the best whole decoder that is. Errors: kUnsupported, with those that
// there are.
TAE_EXPORT StatusOr<LadderRung> FindRung(const std::vector<LadderRung>& ladder,
                                         Quality quality);

// Means of squares of pixels: `to` is `from` with both sides divided by the
// same whole number. Formats: one size of byte (or of 16 bits) for every
// component and no shared chroma, the same for both. parallel may be null.
// Errors: kInvalidArgument (sizes or formats differ), kUnsupported (format).
TAE_EXPORT Status ShrinkFrame(const FrameView& from, const FrameView& to,
                              ParallelFor* parallel);

}  // namespace tae
