// From the library's Status to GStreamer's error domains and codes.
#pragma once

#include <gst/gst.h>

#include <string>
#include <string_view>

#include "common/source_location.h"
#include "tae/status.h"

namespace taegst {

// What the failed operation was about: the same code means different things.
enum class Subject {
  kWeights,  // a file of a decoder's weights
  kLatent,   // caps or bytes of the stream
  kInput,    // a file of latents
};

struct GstErrorCode {
  GQuark domain;
  int code;
};

// weights: RESOURCE/NOT_FOUND, OPEN_READ, FAILED (damaged), LIBRARY/INIT (not a
// decoder), LIBRARY/SETTINGS (options contradict). latent: STREAM/WRONG_TYPE,
// FORMAT, DECODE. input: RESOURCE as weights, STREAM/WRONG_TYPE. Memory is
// RESOURCE/NO_SPACE_LEFT, our own bugs are CORE/FAILED.
GstErrorCode GstErrorCodeOf(tae::StatusCode code, Subject subject);

// Posts GST_MESSAGE_ERROR with the status's sentence. All three name the place
// that calls them in the message's debug half.
void PostError(GstElement* element, const tae::Status& status, Subject subject,
               const std::string& debug = {},
               SourceLocation where = SourceLocation::current());

// Posts GST_MESSAGE_WARNING with a sentence.
void PostWarning(GstElement* element, GstErrorCode code,
                 const std::string& text, const std::string& debug = {},
                 SourceLocation where = SourceLocation::current());

// Posts GST_MESSAGE_INFO with a sentence, in the debug half too: gst-launch-1.0
// prints no other part of an INFO.
void PostInfo(GstElement* element, GstErrorCode code, const std::string& text,
              SourceLocation where = SourceLocation::current());

// The name in a source_location's function_name(): without result, arguments
// and template arguments.
std::string ShortFunctionName(std::string_view signature);

}  // namespace taegst
