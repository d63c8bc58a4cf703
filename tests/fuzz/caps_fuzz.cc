// Caps strings from both sides of taedecode: the first line is what comes from
// upstream, the second what downstream takes. Reading them, writing them again
// and negotiating must neither fail silently nor say something critical.
#include <gst/check/gstharness.h>
#include <gst/gst.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "fuzz/criticals.h"
#include "taedecode/taedecode.h"

namespace {

using taegst::GstPtr;

constexpr size_t kMostBytes = 1 << 18;  // of a buffer that is worth decoding

// What GStreamer's own parser says of rubbish is not ours.
GstPtr<GstCaps> CapsOf(std::string_view line) {
  const std::string text(line.substr(0, line.find('\0')));
  if (!g_utf8_validate(text.c_str(), -1, nullptr)) return nullptr;
  tae_fuzz::criticals_are_fatal = false;
  GstPtr<GstCaps> caps(gst_caps_from_string(text.c_str()));
  tae_fuzz::criticals_are_fatal = true;
  if (!caps || gst_caps_is_any(caps.get()) || gst_caps_is_empty(caps.get()))
    return nullptr;
  return caps;
}

// What is read of fixed caps is what is read of those that are made of it.
void CheckTrip(GstCaps* caps) {
  const auto info = taegst::LatentInfoFromCaps(caps);
  if (!info.ok()) {
    if (info.status().message().empty()) abort();
    return;
  }
  if (taegst::IsTensorsCaps(caps)) {
    (void)taegst::LatentInfoToTensorsCaps(*info);
    return;
  }
  const GstPtr<GstCaps> again = taegst::LatentInfoToCaps(*info);
  const auto other = taegst::LatentInfoFromCaps(again.get());
  // Half of a size is none.
  taegst::LatentInfo whole = *info;
  if (whole.width <= 0 || whole.height <= 0) whole.width = whole.height = 0;
  if (!other.ok() || !(*other == whole)) abort();
}

size_t BytesOf(GstCaps* caps) {
  const auto info = taegst::LatentInfoFromCaps(caps);
  return info.ok() && info->size() <= kMostBytes ? info->size() : 16;
}

void Negotiate(GstCaps* above, GstCaps* below) {
  GstHarness* h = gst_harness_new_parse(
      "taedecode method=linear n-threads=1 max-pixels=262144");
  if (below != nullptr) gst_harness_set_sink_caps(h, gst_caps_ref(below));
  gst_harness_play(h);
  GstPtr<GstCaps> offered(gst_pad_peer_query_caps(h->srcpad, nullptr));
  const GstPtr<GstCaps> filtered(gst_pad_peer_query_caps(h->srcpad, above));
  if (gst_caps_is_fixed(above)) {
    gst_harness_set_src_caps(h, gst_caps_ref(above));
    for (int i = 0; i < 2; ++i) {
      GstBuffer* buffer =
          gst_buffer_new_allocate(nullptr, BytesOf(above), nullptr);
      gst_buffer_memset(buffer, 0, 0x24, gst_buffer_get_size(buffer));
      GST_BUFFER_PTS(buffer) = guint64(i) * GST_SECOND;
      gst_harness_push(h, buffer);
    }
    gst_harness_push_event(h, gst_event_new_eos());
  }
  gst_harness_teardown(h);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  tae_fuzz::WatchCriticals();
  gst_init(argc, argv);
  taegst::RegisterLatentStepMeta();
  GST_ELEMENT_REGISTER(taedecode, nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view first = text.substr(0, text.find('\n'));
  const std::string_view rest =
      text.substr(std::min(text.size(), first.size() + 1));
  const GstPtr<GstCaps> above = CapsOf(first), below = CapsOf(rest);
  if (!above) return 0;
  if (gst_caps_is_fixed(above.get())) CheckTrip(above.get());
  Negotiate(above.get(), below.get());
  return 0;
}
