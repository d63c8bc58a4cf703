// The latent doctor: what is wrong with a latent, from its numbers alone.
//
//   const tae::Diagnosis found = tae::Diagnose(view, {.variant = "flux2"});
//   if (!found.ok()) Warn(found.sentence, found.fix);
//
// A latent in the wrong order or domain keeps its size and gives a plausible
// but wrong picture, so nothing else would notice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tae/export.h"
#include "tae/types.h"

namespace tae {

// In the order in which they are looked for; the first one found is told.
enum class Ailment : uint8_t {
  kNone,
  kNonfinite,  // NaN or infinite numbers
  kConstant,   // no channel varies
  kLayout,     // another order of the same bytes is far smoother
  kSides,      // as kLayout, with height and width exchanged
  kFrames,     // the channels are frames of a clip: time for channels
  kNoisy,      // white noise where x0 was declared
  kDomain,     // scaled as the VAE has it, or as the sampler has it
};

TAE_EXPORT std::string_view AilmentName(Ailment ailment);  // "layout"

struct DiagnoseOptions {
  std::string_view variant =
      {};              // name or alias; "" = the domain is not judged
  bool noisy = false;  // pred=x: noise is no ailment then, nor is the scale
};

struct Diagnosis {
  Ailment ailment = Ailment::kNone;
  std::string sentence;  // what was seen and what was expected; "" = nothing
  std::string fix;       // what most likely helps: "layout=nhwc"

  bool ok() const { return ailment == Ailment::kNone; }
};

// Judges one latent. Says nothing where it cannot be sure: of less than 8x8, of
// nearly uniform pictures, of spaces whose two domains are scaled alike, and of
// noise below a sigma of about 0.8 in flow matching (4 where noise is added).
// Reads the latent in all its orders, on the caller's thread: about 2 ms at
// 64x64x32 and 30 ms at 128x128x32, twice that where the sides differ. A view
// that does not fit its size gives nothing, too.
// Threads: any. Does not fail: without memory it finds nothing.
TAE_EXPORT Diagnosis Diagnose(const LatentView& latent,
                              const DiagnoseOptions& options) noexcept;

}  // namespace tae
