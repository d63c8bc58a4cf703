// The properties of taedecode: their documentation, and their way into and out
// of Settings.
#pragma once

#include <glib-object.h>

#include "taedecode/settings.h"

namespace taegst {

enum PropertyId : guint {
  kPropVariant = 1,
  kPropModelFile,
  kPropMethod,
  kPropPrecision,
  kPropThreads,
  kPropNice,
  kPropEvery,
  kPropMaxPixels,
  kPropDoctor,
  kPropPostMessages,
  kPropStats,
  kPropQuality,
  kPropScale,
  kPropMaxSize,
  kPropAnytime,
  kPropCpuShare,
  kPropMaxLatency,
  kPropDenoise,
  kPropChangeThreshold,
  kPropConvergedBelow,
  kPropConvergedSteps,
  kPropChangeOnly,
  kPropBatch,
};

void InstallProperties(GObjectClass* object_class);

// False where id is not one of the settings (kPropStats is none).
bool SetProperty(Settings* settings, guint id, const GValue* value);
bool GetProperty(const Settings& settings, guint id, GValue* value);

}  // namespace taegst
