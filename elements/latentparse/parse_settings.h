// What a user sets on latentparse, and the GObject properties for it.
#pragma once

#include <gst/gst.h>

#include "tae/latent_stream.h"

namespace taegst {

struct ParseSettings {
  int fps_n = 10;
  int fps_d = 1;
  guint64 max_bytes = tae::LatentLimits{}.payload_bytes;
  guint64 max_header_size = tae::LatentLimits{}.header_bytes;

  // A header of a file may be longer than one of live input.
  tae::LatentLimits limits(bool live) const;
};

void InstallParseProperties(GObjectClass* object_class);

// False for an id that is none of a setting.
bool SetParseSetting(ParseSettings* settings, guint id, const GValue* value);
bool GetParseSetting(const ParseSettings& settings, guint id, GValue* value);

}  // namespace taegst
