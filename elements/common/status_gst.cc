#include "common/status_gst.h"

namespace taegst {
namespace {

GstErrorCode FileErrorCode(tae::StatusCode code) {
  switch (code) {
    case tae::StatusCode::kNotFound:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case tae::StatusCode::kUnreadable:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ};
    case tae::StatusCode::kInvalidArgument:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
    case tae::StatusCode::kOk:
    case tae::StatusCode::kUnsupported:
    case tae::StatusCode::kDataLoss:
    case tae::StatusCode::kOutOfMemory:
    case tae::StatusCode::kInternal:
      break;
  }
  return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED};
}

GstErrorCode LatentErrorCode(tae::StatusCode code) {
  switch (code) {
    case tae::StatusCode::kUnsupported:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE};
    case tae::StatusCode::kInvalidArgument:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT};
    case tae::StatusCode::kOk:
    case tae::StatusCode::kNotFound:
    case tae::StatusCode::kUnreadable:
    case tae::StatusCode::kDataLoss:
    case tae::StatusCode::kOutOfMemory:
    case tae::StatusCode::kInternal:
      break;
  }
  return {GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE};
}

char* TextOrNull(const std::string& text) {
  return text.empty() ? nullptr : g_strdup(text.c_str());
}

void Post(GstElement* element, GstMessageType type, GstErrorCode code,
          const std::string& text, const std::string& debug,
          const SourceLocation& where) {
  gst_element_message_full(element, type, code.domain, code.code,
                           TextOrNull(text), TextOrNull(debug),
                           where.file_name(),
                           ShortFunctionName(where.function_name()).c_str(),
                           static_cast<gint>(where.line()));
}

}  // namespace

GstErrorCode GstErrorCodeOf(tae::StatusCode code, Subject subject) {
  if (code == tae::StatusCode::kOutOfMemory)
    return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT};
  if (code == tae::StatusCode::kInternal)
    return {GST_CORE_ERROR, GST_CORE_ERROR_FAILED};
  if (subject == Subject::kLatent) return LatentErrorCode(code);
  if (code == tae::StatusCode::kUnsupported)
    return subject == Subject::kWeights
               ? GstErrorCode{GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT}
               : GstErrorCode{GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE};
  return FileErrorCode(code);
}

void PostError(GstElement* element, const tae::Status& status, Subject subject,
               const std::string& debug, SourceLocation where) {
  Post(element, GST_MESSAGE_ERROR, GstErrorCodeOf(status.code(), subject),
       status.message(), debug, where);
}

void PostWarning(GstElement* element, GstErrorCode code,
                 const std::string& text, const std::string& debug,
                 SourceLocation where) {
  Post(element, GST_MESSAGE_WARNING, code, text, debug, where);
}

void PostInfo(GstElement* element, GstErrorCode code, const std::string& text,
              SourceLocation where) {
  Post(element, GST_MESSAGE_INFO, code, text, text, where);
}

// A lambda is named after the function that it stands in.
std::string ShortFunctionName(std::string_view signature) {
  for (const std::string_view ns : {"(anonymous namespace)::", "<lambda("})
    if (const size_t at = signature.find(ns); at != signature.npos)
      signature = ns.front() == '<' ? signature.substr(0, at)
                                    : signature.substr(at + ns.size());
  signature = signature.substr(0, signature.find('('));
  const size_t space = signature.rfind(' ');
  if (space != signature.npos) signature.remove_prefix(space + 1);
  while (signature.ends_with(':')) signature.remove_suffix(1);
  return std::string(signature);
}

}  // namespace taegst
