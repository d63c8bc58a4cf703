// Every way to get a latent wrong that the latent doctor knows, made on purpose
// from a latent that is right.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tae/doctor.h"
#include "tae/types.h"

namespace tae::tool {

// A latent that is known to be right.
struct Specimen {
  std::string name = {};
  std::string variant = {};
  int channels = 0;
  Extent extent;
  std::vector<float> planes =
      {};  // [channels][height][width], sampler's domain
  // [frames][height][width] of one channel, as many frames as channels, to be
  // taken for channels; empty: not of a clip.
  std::vector<float> frames = {};
};

// A latent as somebody declares it.
struct Declared {
  std::string what = {};  // "packed read as nchw"
  std::vector<float> values = {};
  LatentView view = {};  // data and size are of `values`
  DiagnoseOptions options = {};
  // What the doctor should find; kNone: nothing is wrong.
  Ailment ailment = Ailment::kNone;
  std::string fix = {};  // how its fix should begin; "" = not checked
};

using Visit = std::function<void(const Declared&)>;

// Latents with nothing wrong: every order, both domains, blurred as the first
// estimates of x0 are, and noise of every sigma where pred=x says so.
void VisitRight(const Specimen& specimen, const Visit& visit);

// All mistakes. None where the latent is too small to be judged.
void VisitMistakes(const Specimen& specimen, const Visit& visit);

}  // namespace tae::tool
