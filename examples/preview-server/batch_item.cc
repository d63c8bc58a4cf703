#include "batch_item.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "common/gst_ptr.h"

namespace preview {
namespace {

constexpr unsigned kMostItems = 64;
constexpr char kItem[] = "item=";
constexpr char kItems[] = "items=";

std::optional<unsigned> Field(const taegst::LatentStep& step,
                              std::string_view name) {
  for (const std::string& pair : step.extra) {
    if (!pair.starts_with(name)) continue;
    unsigned number = 0;
    const char* end = pair.data() + pair.size();
    const auto [stop, error] =
        std::from_chars(pair.data() + name.size(), end, number);
    if (error == std::errc() && stop == end) return number;
  }
  return std::nullopt;
}

std::string Suffix(const BatchItem& place) {
  return " (" + std::to_string(place.item + 1) + " of " +
         std::to_string(place.items) + ")";
}

}  // namespace

BatchItem ItemOf(const taegst::LatentStep& step) {
  const auto item = Field(step, kItem), items = Field(step, kItems);
  if (!item || !items || *items > kMostItems || *item >= *items) return {};
  return {*item, *items};
}

void NameItem(taegst::LatentStep* step) {
  const BatchItem place = ItemOf(*step);
  if (place.items > 1) step->prompt_id += Suffix(place);
}

void UnnameItem(taegst::LatentStep* step) {
  const BatchItem place = ItemOf(*step);
  const std::string suffix = place.items > 1 ? Suffix(place) : "";
  if (step->prompt_id.ends_with(suffix))
    step->prompt_id.resize(step->prompt_id.size() - suffix.size());
}

void BatchSplitter::Attach(GstPad* pad) {
  items_ = 1;
  pushes_ = false;
  gst_pad_add_probe(pad,
                    GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                    GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                    OnData, this, nullptr);
}

GstPadProbeReturn BatchSplitter::OnData(GstPad* pad, GstPadProbeInfo* info,
                                        gpointer data) {
  auto* self = static_cast<BatchSplitter*>(data);
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) == 0) {
    if (GST_EVENT_TYPE(gst_pad_probe_info_get_event(info)) == GST_EVENT_CAPS)
      TakeCaps(info, &self->items_);
    return GST_PAD_PROBE_OK;
  }
  if (self->items_ == 1 || self->pushes_) return GST_PAD_PROBE_OK;
  const taegst::GstPtr<GstBuffer> batch(
      std::exchange(*reinterpret_cast<GstBuffer**>(&info->data), nullptr));
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = self->Push(pad, batch.get());
  return GST_PAD_PROBE_HANDLED;
}

void BatchSplitter::TakeCaps(GstPadProbeInfo* info, unsigned* items) {
  GstEvent* event = gst_pad_probe_info_get_event(info);
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  int batch = 1;
  gst_structure_get_int(gst_caps_get_structure(caps, 0), "batch", &batch);
  // An event that was sent before comes again as it was.
  *items = batch > 1 ? unsigned(batch) : 1;
  if (batch <= 1) return;
  const taegst::GstPtr<GstCaps> one(gst_caps_copy(caps));
  gst_structure_remove_field(gst_caps_get_structure(one.get(), 0), "batch");
  GstEvent* replacement = gst_event_new_caps(one.get());
  gst_event_set_seqnum(replacement, gst_event_get_seqnum(event));
  gst_event_unref(event);
  info->data = replacement;
}

GstFlowReturn BatchSplitter::Push(GstPad* pad, GstBuffer* batch) {
  const gsize size = gst_buffer_get_size(batch) / items_;
  const auto said = taegst::GetLatentStep(batch);
  GstFlowReturn flow = GST_FLOW_OK;
  for (unsigned i = 0; i < items_ && flow == GST_FLOW_OK; ++i) {
    GstBuffer* one = gst_buffer_copy_region(
        batch,
        GstBufferCopyFlags(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS |
                           GST_BUFFER_COPY_MEMORY),
        i * size, size);
    GST_BUFFER_PTS(one) = GST_BUFFER_PTS(batch) + i;
    taegst::LatentStep step = said.value_or(taegst::LatentStep{});
    std::erase_if(step.extra, [](const std::string& pair) {
      return pair.starts_with(kItem) || pair.starts_with(kItems);
    });
    step.extra.push_back(kItem + std::to_string(i));
    step.extra.push_back(kItems + std::to_string(items_));
    taegst::SetLatentStep(one, step);
    pushes_ = true;
    flow = gst_pad_push(pad, one);
    pushes_ = false;
  }
  return flow;
}

}  // namespace preview
