// Latents in memory of an own kind, to do something at a known moment of their
// decode. For one source file of a program.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <vector>

#include "support/decode_harness.h"

namespace tae_test {
namespace {

// Memory that calls a function each time it is mapped: the decoder maps a
// latent when it has allocated the frame that it is about to draw.
struct HookedMemory {
  GstMemory memory;
  std::vector<float>* values;
  const std::function<void()>* on_map;
};

struct HookedAllocator {
  GstAllocator parent;
};
struct HookedAllocatorClass {
  GstAllocatorClass parent;
};
GType hooked_allocator_get_type();
G_DEFINE_TYPE(HookedAllocator, hooked_allocator, GST_TYPE_ALLOCATOR)

void hooked_allocator_class_init(HookedAllocatorClass* klass) {
  klass->parent.free = [](GstAllocator*, GstMemory* memory) {
    delete reinterpret_cast<HookedMemory*>(memory)->values;
    g_free(memory);
  };
}

void hooked_allocator_init(HookedAllocator* self) {
  GstAllocator* allocator = GST_ALLOCATOR(self);
  GST_OBJECT_FLAG_SET(allocator, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
  allocator->mem_type = "hooked";
  allocator->mem_map = [](GstMemory* memory, gsize, GstMapFlags) {
    auto* hooked = reinterpret_cast<HookedMemory*>(memory);
    (*hooked->on_map)();
    return gpointer(hooked->values->data());
  };
  allocator->mem_unmap = [](GstMemory*) {};
}

GstPtr<GstAllocator> HookedAllocatorNew() {
  return GstPtr<GstAllocator>(GST_ALLOCATOR(
      gst_object_ref_sink(g_object_new(hooked_allocator_get_type(), nullptr))));
}

GstBuffer* HookedLatent(GstAllocator* allocator, LatentShape shape, int index,
                        const std::function<void()>* on_map) {
  auto* hooked = g_new0(HookedMemory, 1);
  hooked->values = new std::vector<float>(LatentValues(shape, index));
  hooked->on_map = on_map;
  const gsize size = hooked->values->size() * sizeof(float);
  gst_memory_init(GST_MEMORY_CAST(hooked), GST_MEMORY_FLAG_NO_SHARE, allocator,
                  nullptr, size, 3, 0, size);
  GstBuffer* buffer = gst_buffer_new();
  gst_buffer_append_memory(buffer, GST_MEMORY_CAST(hooked));
  GST_BUFFER_PTS(buffer) = index * 100 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer) = 100 * GST_MSECOND;
  return buffer;
}

}  // namespace
}  // namespace tae_test
