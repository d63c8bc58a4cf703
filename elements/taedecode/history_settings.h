// What is done with the history of a generation's latents.
#pragma once

#include <gst/gst.h>

#include "tae/latent_change.h"

namespace taegst {

// Whether latents are taken for noisy ones whose clean picture is wanted.
enum class Denoise {
  kAuto,  // where the caps say pred=x
  kOff,
  kOn,  // whatever the caps say
};

struct HistorySettings {
  Denoise denoise = Denoise::kAuto;
  double change_threshold = 0;  // 0 = every latent is decoded
  tae::ConvergenceOptions convergence;
};

GType DenoiseGetType();  // GstTaeDenoise, values of Denoise

}  // namespace taegst
