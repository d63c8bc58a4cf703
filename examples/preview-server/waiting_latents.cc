#include "waiting_latents.h"

#include <algorithm>
#include <utility>

#include "batch_item.h"
#include "common/guard.h"
#include "common/latent_meta.h"

namespace preview {
namespace {

// The same latent, whose generation says the item.
taegst::GstPtr<GstSample> NameItemOf(GstSample* sample,
                                     taegst::LatentStep* step) {
  NameItem(step);
  const taegst::GstPtr<GstBuffer> buffer(
      gst_buffer_copy(gst_sample_get_buffer(sample)));
  taegst::SetLatentStep(buffer.get(), *step);
  return taegst::GstPtr<GstSample>(
      gst_sample_new(buffer.get(), gst_sample_get_caps(sample),
                     gst_sample_get_segment(sample), nullptr));
}

}  // namespace

void WaitingLatents::Connect(GstAppSink* from, GstAppSrc* to) {
  to_ = to;
  GstAppSinkCallbacks arrivals = {};
  arrivals.new_sample = OnSample;
  arrivals.eos = OnEnd;
  gst_app_sink_set_callbacks(from, &arrivals, this, nullptr);
  GstAppSrcCallbacks hunger = {};
  hunger.need_data = OnHunger;
  gst_app_src_set_callbacks(to, &hunger, this, nullptr);
}

void WaitingLatents::Clear() {
  std::lock_guard lock(mutex_);
  waiting_.clear();
  bytes_ = 0;
  hungry_ = ended_ = false;
}

// With the lock held.
void WaitingLatents::Drop(std::deque<Waiting>::iterator latent) {
  bytes_ -= latent->size;
  waiting_.erase(latent);
  ++passed_over_;
}

void WaitingLatents::Put(Waiting latent) {
  std::lock_guard lock(mutex_);
  const auto older =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
        return !w.final && w.generation == latent.generation;
      });
  if (older != waiting_.end()) Drop(older);
  while (!waiting_.empty() &&
         (waiting_.size() >= kMost || bytes_ + latent.size > kMostBytes)) {
    const auto other = std::find_if(waiting_.begin(), waiting_.end(),
                                    [](const Waiting& w) { return !w.final; });
    Drop(other != waiting_.end() ? other : waiting_.begin());
  }
  bytes_ += latent.size;
  waiting_.push_back(std::move(latent));
}

// One at a time: what is handed over can no longer give way.
void WaitingLatents::Feed() {
  Waiting next;
  bool end = false;
  {
    std::lock_guard lock(mutex_);
    if (!hungry_) return;
    end = waiting_.empty() && ended_;
    if (waiting_.empty() && !end) return;
    hungry_ = false;
    if (!end) {
      next = std::move(waiting_.front());
      bytes_ -= next.size;
      waiting_.pop_front();
    }
  }
  if (end)
    gst_app_src_end_of_stream(to_);
  else
    gst_app_src_push_sample(to_, next.sample.get());
}

GstFlowReturn WaitingLatents::OnSample(GstAppSink* sink, gpointer data) {
  return taegst::Guard(GST_ELEMENT(sink), GST_FLOW_ERROR, [&] {
    auto* self = static_cast<WaitingLatents*>(data);
    taegst::GstPtr<GstSample> sample(gst_app_sink_pull_sample(sink));
    if (!sample) return GST_FLOW_EOS;
    auto step = taegst::GetLatentStep(gst_sample_get_buffer(sample.get()))
                    .value_or(taegst::LatentStep{});
    if (ItemOf(step).items > 1) sample = NameItemOf(sample.get(), &step);
    const size_t size =
        gst_buffer_get_size(gst_sample_get_buffer(sample.get()));
    self->Put({.sample = std::move(sample),
               .generation = step.prompt_id,
               .size = size,
               .final = step.final});
    self->Feed();
    return GST_FLOW_OK;
  });
}

void WaitingLatents::OnEnd(GstAppSink*, gpointer data) {
  auto* self = static_cast<WaitingLatents*>(data);
  {
    std::lock_guard lock(self->mutex_);
    self->ended_ = true;
  }
  self->Feed();
}

void WaitingLatents::OnHunger(GstAppSrc*, guint, gpointer data) {
  auto* self = static_cast<WaitingLatents*>(data);
  {
    std::lock_guard lock(self->mutex_);
    self->hungry_ = true;
  }
  self->Feed();
}

}  // namespace preview
