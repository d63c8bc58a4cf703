#include "waiting_latents.h"

#include <utility>

#include "common/guard.h"
#include "common/latent_meta.h"

namespace preview {

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
  hungry_ = ended_ = false;
}

void WaitingLatents::Put(Waiting latent) {
  std::lock_guard lock(mutex_);
  if (!waiting_.empty() && !waiting_.back().final) {
    waiting_.pop_back();
    ++passed_over_;
  }
  if (latent.final && waiting_.size() == kMostFinals) {
    waiting_.pop_front();
    ++passed_over_;
  }
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
    const auto step =
        taegst::GetLatentStep(gst_sample_get_buffer(sample.get()));
    self->Put({std::move(sample), step && step->final});
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
