// Any bytes through latentparse into taedecode, cut into buffers as the first
// byte says: what a recording or a pipe brings.
#include <gst/check/gstharness.h>
#include <gst/gst.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/latent_meta.h"
#include "fuzz/criticals.h"
#include "latentparse/latentparse.h"
#include "taedecode/taedecode.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  tae_fuzz::WatchCriticals();
  gst_init(argc, argv);
  taegst::RegisterLatentStepMeta();
  GST_ELEMENT_REGISTER(latentparse, nullptr);
  GST_ELEMENT_REGISTER(taedecode, nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = 1 + 31 * size_t{data[0]};
  GstHarness* h = gst_harness_new_parse(
      "latentparse ! taedecode method=linear n-threads=1 max-pixels=262144");
  gst_harness_set_sink_caps_str(h, "video/x-raw,format=RGB");
  gst_harness_set_src_caps_str(h, "application/x-safetensors");
  gst_harness_play(h);
  for (size_t at = 1; at < size; at += piece) {
    const size_t bytes = std::min(piece, size - at);
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, bytes, nullptr);
    gst_buffer_fill(buffer, 0, data + at, bytes);
    if (gst_harness_push(h, buffer) != GST_FLOW_OK) break;
  }
  gst_harness_push_event(h, gst_event_new_eos());
  gst_harness_teardown(h);
  return 0;
}
