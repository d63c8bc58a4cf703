// Bytes that many replies share and nobody changes: pictures, messages, events.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>
#include <string_view>

namespace preview {

// Never changed after it is made; copies share the memory. Any thread.
using Bytes = std::shared_ptr<GBytes>;

// Takes over the reference.
inline Bytes TakeBytes(GBytes* bytes) { return {bytes, g_bytes_unref}; }

inline Bytes CopyBytes(std::string_view text) {
  return TakeBytes(g_bytes_new(text.data(), text.size()));
}

inline Bytes CopyBytes(GstBuffer* buffer) {
  gpointer copy = nullptr;
  gsize size = 0;
  gst_buffer_extract_dup(buffer, 0, gst_buffer_get_size(buffer), &copy, &size);
  return TakeBytes(g_bytes_new_take(copy, size));
}

inline size_t SizeOf(const Bytes& bytes) {
  return bytes ? g_bytes_get_size(bytes.get()) : 0;
}

inline std::string_view ViewOf(const Bytes& bytes) {
  if (!bytes) return {};
  gsize size = 0;
  const void* data = g_bytes_get_data(bytes.get(), &size);
  return {static_cast<const char*>(data), size};
}

}  // namespace preview
