// The properties of taedecode about the history of latents, and their way into
// and out of HistorySettings.
#pragma once

#include <glib-object.h>

#include "taedecode/history_settings.h"

namespace taegst {

void InstallHistoryProperties(GObjectClass* object_class);

// False where id is none of these.
bool SetHistoryProperty(HistorySettings* settings, guint id,
                        const GValue* value);
bool GetHistoryProperty(const HistorySettings& settings, guint id,
                        GValue* value);

}  // namespace taegst
