// A stop and a flush wait for no picture: the one that is drawn is given up.
#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "support/decode_harness.h"
#include "support/hooked_memory.h"

namespace tae_test {
namespace {

constexpr LatentShape kShape{32, 16, 16};

// Decodes that the element says it gave up.
std::atomic<int> cancelled{0};

void CountCancelled(GstDebugCategory* category, GstDebugLevel, const gchar*,
                    const gchar*, gint, GObject*, GstDebugMessage* message,
                    gpointer) {
  if (std::string(gst_debug_category_get_name(category)) == "taedecode" &&
      std::string(gst_debug_message_get(message)) == "decode cancelled")
    ++cancelled;
}

// Counts with the element's debug messages, and no others, on.
class CancelCounter {
 public:
  CancelCounter() {
    cancelled = 0;
    gst_debug_set_active(TRUE);
    gst_debug_remove_log_function(gst_debug_log_default);
    gst_debug_add_log_function(CountCancelled, nullptr, nullptr);
    gst_debug_set_threshold_for_name("taedecode", GST_LEVEL_DEBUG);
  }
  ~CancelCounter() {
    gst_debug_unset_threshold_for_name("taedecode");
    gst_debug_remove_log_function(CountCancelled);
    gst_debug_add_log_function(gst_debug_log_default, nullptr, nullptr);
  }
};

// Pushes a latent; when its frame is about to be drawn, `begin` is called in
// another thread, and the decode goes on when the pad refuses data.
void BreakOff(DecodeHarness* harness, const std::function<void()>& begin) {
  const GstPtr<GstPad> pad(
      gst_element_get_static_pad(harness->decoder(), "sink"));
  const GstPtr<GstAllocator> allocator = HookedAllocatorNew();
  std::thread breaker;
  int maps = 0;
  const std::function<void()> on_map = [&] {
    if (++maps != 2) return;  // the first is before the frame is allocated
    breaker = std::thread(begin);
    EXPECT_TRUE(Eventually([&] { return GST_PAD_IS_FLUSHING(pad.get()); }));
  };
  EXPECT_EQ(harness->Push(HookedLatent(allocator.get(), kShape, 0, &on_map)),
            GST_FLOW_FLUSHING);
  EXPECT_EQ(maps, 2);
  breaker.join();
  EXPECT_EQ(harness->TryPull(), nullptr);
}

TEST(Stop, GivesUpThePictureThatIsDrawn) {
  const CancelCounter counter;
  for (const char* more : {"method=builtin", "method=builtin anytime=true"}) {
    cancelled = 0;
    DecodeHarness harness("taedecode variant=flux2 doctor=false " +
                          std::string(more));
    harness.SetCaps(LatentCaps(kShape));
    BreakOff(&harness, [&] {
      gst_element_set_state(harness.decoder(), GST_STATE_READY);
    });
    EXPECT_EQ(cancelled, 1) << more;
    gst_element_set_state(harness.decoder(), GST_STATE_PLAYING);
  }
}

TEST(Flush, GivesUpThePictureThatIsDrawnAndTheNextIsWhole) {
  const CancelCounter counter;
  DecodeHarness harness("taedecode variant=flux2 doctor=false method=builtin");
  harness.SetCaps(LatentCaps(kShape));
  BreakOff(&harness, [&] {
    gst_pad_push_event(harness.h->srcpad, gst_event_new_flush_start());
  });
  EXPECT_EQ(cancelled, 1);
  EXPECT_EQ(harness.Stat("cancelled"), 1u);
  EXPECT_EQ(harness.Stat("decoded"), 0u);
  gst_pad_push_event(harness.h->srcpad, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(harness.h->srcpad, gst_event_new_segment(&segment));
  EXPECT_EQ(harness.Push(LatentBuffer(kShape, 1)), GST_FLOW_OK);
  EXPECT_NE(harness.TryPull(), nullptr);
  EXPECT_EQ(harness.Stat("decoded"), 1u);
}

}  // namespace
}  // namespace tae_test
