// The properties of taedecode about the ladder of qualities, and their way into
// and out of QualitySettings.
#pragma once

#include <glib-object.h>

#include "taedecode/quality_settings.h"

namespace taegst {

void InstallQualityProperties(GObjectClass* object_class);

// False where id is none of these.
bool SetQualityProperty(QualitySettings* settings, guint id,
                        const GValue* value);
bool GetQualityProperty(const QualitySettings& settings, guint id,
                        GValue* value);

}  // namespace taegst
