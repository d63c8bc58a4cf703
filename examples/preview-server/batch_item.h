// A batch is several generations at a time: each latent of it is an item, with
// a place in the metadata (`item` from 0, `items`), and a generation of its own
// from where it arrives.
#pragma once

#include <gst/gst.h>

#include <string>

#include "common/latent_meta.h"

namespace preview {

struct BatchItem {
  unsigned item = 0;   // from 0
  unsigned items = 1;  // of the batch; 1: it is none

  friend bool operator==(const BatchItem&, const BatchItem&) = default;
};

// What a latent says of its place, "item=0" and "items=4" in its extra fields.
// A place outside the batch is none.
BatchItem ItemOf(const taegst::LatentStep& step);

// For the decoder, to which each item is a generation: its prompt_id says the
// item too. And back.
void NameItem(taegst::LatentStep* step);
void UnnameItem(taegst::LatentStep* step);

// Splits what goes out of a pad: buffers of several latents become buffers of
// one, each with its place, a nanosecond apart; caps lose their batch.
// Threads: the pad's streaming thread.
class BatchSplitter {
 public:
  BatchSplitter() = default;
  BatchSplitter(const BatchSplitter&) = delete;
  BatchSplitter& operator=(const BatchSplitter&) = delete;

  // The pad must stop before this is destroyed; it starts with this empty.
  void Attach(GstPad* pad);

 private:
  static GstPadProbeReturn OnData(GstPad* pad, GstPadProbeInfo* info,
                                  gpointer self);
  static void TakeCaps(GstPadProbeInfo* info, unsigned* items);
  GstFlowReturn Push(GstPad* pad, GstBuffer* batch);

  unsigned items_ = 1;
  bool pushes_ = false;  // what passes is an item
};

}  // namespace preview
