// The border between C++ and GObject: no exception crosses it.
#pragma once

#include <gst/gst.h>

#include <exception>
#include <new>

#include "common/source_location.h"

namespace taegst {

// Runs body() and returns its result; an exception becomes an element error
// and `fallback`. To be the outermost call of every vfunc that runs C++ code
// which may allocate.
template <typename Result, typename Body>
Result Guard(GstElement* element, Result fallback, Body&& body,
             const SourceLocation where = SourceLocation::current()) noexcept {
  // No std::string here: memory may be what is lacking.
  const auto post = [&](GQuark domain, int code, const char* text,
                        const char* debug) {
    gst_element_message_full(element, GST_MESSAGE_ERROR, domain, code,
                             g_strdup(text), g_strdup(debug), where.file_name(),
                             where.function_name(),
                             static_cast<gint>(where.line()));
  };
  try {
    return body();
  } catch (const std::bad_alloc&) {
    post(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
         "Not enough memory.", nullptr);
  } catch (const std::exception& e) {
    post(GST_CORE_ERROR, GST_CORE_ERROR_FAILED, nullptr, e.what());
  } catch (...) {
    post(GST_CORE_ERROR, GST_CORE_ERROR_FAILED, nullptr, "unknown exception");
  }
  return fallback;
}

}  // namespace taegst
