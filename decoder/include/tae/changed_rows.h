// Which rows of a latent are not those of the latent before it: inpainting, and
// samplers that finish a part of the picture early. For Decoder::DecodeChanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tae/export.h"
#include "tae/status.h"
#include "tae/types.h"

namespace tae {

// Keeps one copy of a latent's bytes. One thread at a time.
class TAE_EXPORT ChangedRows {
 public:
  // Compares a latent with the one before, byte for byte, and keeps it in its
  // place. Of layouts in patches both rows of a patch count as changed when one
  // did. Every row of a latent of another shape, dtype, layout or domain did.
  // Errors: kInvalidArgument (size and shape disagree), kOutOfMemory; then all
  // is forgotten.
  Status Update(const LatentView& latent);

  // Of the latent given last: not 0 where a row changed.
  std::span<const uint8_t> rows() const { return rows_; }

  // Every row of the next latent will count as changed.
  void Forget() { before_.clear(); }

 private:
  bool IsAlike(const LatentView& latent) const;
  Status KeepFirst(const LatentView& latent);

  std::vector<uint8_t> before_;  // empty = nothing is kept
  LatentView shape_;             // of before_; without data
  std::vector<uint8_t> rows_;
};

}  // namespace tae
