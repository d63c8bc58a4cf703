// A picture without loss, made when somebody asks for it.
// Threads: the main one; another does the work meanwhile.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <string>

#include "bytes.h"

namespace preview {

// `png` is null when it failed; then `error` is a sentence.
using StillDone =
    std::function<void(const Bytes& png, const std::string& error)>;

// `done` is called later, from the main loop.
void MakePng(std::shared_ptr<GstSample> raw, StillDone done);

}  // namespace preview
