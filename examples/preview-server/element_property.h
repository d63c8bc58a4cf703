// Properties of elements from text, as the command line has them.
#pragma once

#include <gst/gst.h>

#include <string>

#include "tae/status.h"

namespace preview {

// Errors: kInvalidArgument for a name or a value that the element does not
// take; it keeps what it had.
tae::Status SetProperty(GstElement* element, const std::string& name,
                        const std::string& value);

}  // namespace preview
