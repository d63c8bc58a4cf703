// What a user sets on latentsrc, and the GObject properties for it.
#pragma once

#include <gst/gst.h>

#include <string>

#include "latentsrc/demo_supply.h"
#include "latentsrc/latent_supply.h"
#include "tae/latent_stream.h"

namespace taegst {

struct SourceSettings {
  std::string location;  // "" = demo
  bool continue_on_error = false;
  bool allow_remote = false;
  bool is_live = false;
  guint64 max_bytes = tae::LatentLimits{}.payload_bytes;
  guint64 max_header_size = tae::LatentLimits{}.header_bytes;
  bool keep_all = false;
  guint64 max_backlog = guint64{256} << 20;
  std::string variant = "auto";  // as it was set, maybe unknown
  int domain = 0;                // 0 = what the latents say
  int layout = 0;
  DemoSettings demo;  // its variant is set from the above

  tae::LatentLimits limits() const;
  // "" for auto. kInvalidArgument where `variant` is not known.
  tae::StatusOr<LatentOverrides> overrides() const;
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
  kSourceDomain,
  kSourceLayout,
  kSourceMaxHeaderSize,
  kSourceKeepAll,
  kSourceMaxBacklog,
  kSourceStats,
};

void InstallSourceProperties(GObjectClass* object_class);

// False for an id that is none of a setting.
bool SetSourceSetting(SourceSettings* settings, guint id, const GValue* value);
bool GetSourceSetting(const SourceSettings& settings, guint id, GValue* value);

}  // namespace taegst
