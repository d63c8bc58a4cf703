// Which generation a latent of a program belongs to. `gen` says it; what
// follows is for programs that do not say it.
#pragma once

#include <glib.h>

#include <optional>
#include <string>
#include <utility>

#include "common/latent_meta.h"

namespace taegst {

// Names the generations of one connection: "connection-3", then
// "connection-3.2"... One begins where the step goes back, unless the prompt is
// the one before and no final latent came in between: a base model's run and
// its refiner's are one generation.
class GenerationName {
 public:
  explicit GenerationName(std::string connection)
      : connection_(std::move(connection)) {}

  // Sets step->prompt_id where it is empty.
  void Set(const std::string& prompt, LatentStep* step);

 private:
  const std::string connection_;
  guint64 number_ = 1;
  std::optional<guint> last_step_;
  bool last_final_ = false;
  std::string prompt_;
};

}  // namespace taegst
