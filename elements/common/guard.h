// The border between C++ and GObject: no exception crosses it.
#pragma once

#include <gst/gst.h>

#include <exception>
#include <new>

namespace taegst {

// Runs body() and returns its result; an exception becomes an element error
// and `fallback`. To be the outermost call of every vfunc that runs C++ code
// which may allocate.
template <typename Result, typename Body>
Result Guard(GstElement* element, Result fallback, Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    gst_element_message_full(element, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR,
                             GST_RESOURCE_ERROR_NO_SPACE_LEFT,
                             g_strdup("Not enough memory."), nullptr, __FILE__,
                             GST_FUNCTION, __LINE__);
  } catch (const std::exception& e) {
    gst_element_message_full(element, GST_MESSAGE_ERROR, GST_CORE_ERROR,
                             GST_CORE_ERROR_FAILED, nullptr, g_strdup(e.what()),
                             __FILE__, GST_FUNCTION, __LINE__);
  } catch (...) {
    gst_element_message_full(element, GST_MESSAGE_ERROR, GST_CORE_ERROR,
                             GST_CORE_ERROR_FAILED, nullptr,
                             g_strdup("unknown exception"), __FILE__,
                             GST_FUNCTION, __LINE__);
  }
  return fallback;
}

}  // namespace taegst
