// From the library's Status to GStreamer's error domains and codes.
#pragma once

#include <gst/gst.h>

#include <string>

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

// Posts GST_MESSAGE_ERROR with the status's sentence.
void PostError(GstElement* element, const tae::Status& status, Subject subject,
               const std::string& debug = {});

// Posts GST_MESSAGE_WARNING or GST_MESSAGE_INFO with a sentence.
void PostWarning(GstElement* element, GstErrorCode code,
                 const std::string& text, const std::string& debug = {});
void PostInfo(GstElement* element, GstErrorCode code, const std::string& text);

}  // namespace taegst
