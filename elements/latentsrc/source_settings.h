// What a user sets on latentsrc, and the GObject properties for it.
#pragma once

#include <gst/gst.h>

#include <string>

#include "common/variant_enum.h"
#include "latentsrc/demo_supply.h"
#include "tae/latent_stream.h"

namespace taegst {

struct SourceSettings {
  std::string location;  // "" = demo
  bool continue_on_error = false;
  bool allow_remote = false;
  bool is_live = false;
  guint64 max_bytes = tae::LatentLimits{}.payload_bytes;
  int variant = kVariantAuto;
  DemoSettings demo;  // its variant is set from the above
};

// Ids of properties; the last has no setting.
enum SourceProperty {
  kSourceLocation = 1,
  kSourceContinue,
  kSourceAllowRemote,
  kSourceMaxBytes,
  kSourcePattern,
  kSourceNoisy,
  kSourceVariant,
  kSourceWidth,
  kSourceHeight,
  kSourceSteps,
  kSourceStepTime,
  kSourceSeed,
  kSourceIsLive,
  kSourceStats,
};

void InstallSourceProperties(GObjectClass* object_class);

// False for an id that is none of a setting.
bool SetSourceSetting(SourceSettings* settings, guint id, const GValue* value);
bool GetSourceSetting(const SourceSettings& settings, guint id, GValue* value);

}  // namespace taegst
