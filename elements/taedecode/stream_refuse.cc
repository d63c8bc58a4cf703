// One stream's latents that cannot be shown. Here, and nowhere else, it is
// decided what they do to the stream: of a file they end it, after all that
// came before; of a live source they cost themselves and no more. Then one
// warning says whose they are and what helps, the last picture stays, and the
// next good latent is shown. Where no decoder can be had, a rougher one stands
// in, or a picture that says so.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/status_gst.h"
#include "taedecode/stream.h"

#define GST_CAT_DEFAULT gst_tae_decode_debug
GST_DEBUG_CATEGORY_EXTERN(GST_CAT_DEFAULT);

namespace taegst {
namespace {

constexpr size_t kMostTold = 256;   // sentences that are remembered
constexpr size_t kMostPrompt = 60;  // bytes of a prompt in a sentence

// Keys of a message's own metadata that say who sent it.
constexpr std::array<std::string_view, 4> kSenders = {"producer", "sender",
                                                      "address", "host"};

std::string Capitalised(std::string text) {
  if (!text.empty()) text[0] = g_ascii_toupper(text[0]);
  return text;
}

}  // namespace

bool Stream::IsLive() const {
  const GstPtr<GstQuery> query(gst_query_new_latency());
  gboolean live = FALSE;
  if (gst_pad_peer_query(GST_VIDEO_DECODER_SINK_PAD(element_), query.get()))
    gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
  return live != FALSE;
}

void Stream::OnTags(const GstTagList* tags) {
  gchar* title = nullptr;
  if (!gst_tag_list_get_string(tags, GST_TAG_TITLE, &title)) return;
  const GstPtr<char> owned(title);
  prompt_ = title;
}

// What is known of it; "" where nothing is.
std::string Stream::Producer(const std::optional<LatentStep>& step) const {
  std::string text;
  const auto add = [&](const std::string& part) {
    text += (text.empty() ? " It came from " : ", ") + part;
  };
  if (step) {
    for (const std::string& pair : step->extra)
      for (const std::string_view key : kSenders)
        if (pair.size() > key.size() && pair.starts_with(key) &&
            pair[key.size()] == '=')
          add(std::string(key) + " " + pair.substr(key.size() + 1));
    if (!step->prompt_id.empty()) add("generation " + step->prompt_id);
  }
  if (!prompt_.empty()) {
    const char* end = nullptr;
    g_utf8_validate(prompt_.c_str(),
                    gssize(std::min(prompt_.size(), kMostPrompt)), &end);
    add("prompt \"" + prompt_.substr(0, size_t(end - prompt_.c_str())) + "\"");
  }
  return text.empty() ? text : text + ".";
}

// Once for each generation: of an error that comes again with every latent, and
// of caps that an event repeats.
void Stream::TellOnce(const Refusal& refusal,
                      const std::optional<LatentStep>& step) {
  const std::string& why = refusal.why.message();
  if (told_.size() >= kMostTold) told_.clear();
  if (!told_.insert(why + "\n" + (step ? step->prompt_id : "")).second) return;
  std::string text = Capitalised(why);
  if (!text.ends_with('.')) text += ".";
  PostWarning(GST_ELEMENT(element_),
              GstErrorCodeOf(refusal.why.code(), refusal.subject),
              text + Producer(step), {}, refusal.where);
}

// True: the stream goes on, without latents of these caps.
bool Stream::RefuseFormat(Refusal refusal) {
  latent_.reset();
  history_.reset();
  if (IsLive()) {
    untold_ = std::move(refusal);
    return true;
  }
  // Caps that were refused are sent again with the next event or latent.
  if (told_.insert(refusal.why.message()).second)
    PostError(GST_ELEMENT(element_), refusal.why, refusal.subject, {},
              refusal.where);
  return false;
}

// Of a live source: what nothing here decodes is projected, or told in a
// picture.
void Stream::StandIn(Refusal refusal) {
  const std::string& space =
      settings_.variant.empty() ? latent_->variant : settings_.variant;
  ModelRequest request = RequestFor(space);
  request.method = Method::kLinear;
  auto linear = ChooseModel(request);
  const std::string& why = refusal.why.message();
  if (!space.empty() && linear.ok() &&
      linear->info().latent_channels == latent_->channels) {
    TakeModel(*std::move(linear), space);
    refusal.why = tae::Status(refusal.why.code(),
                              why +
                                  ". Until then a linear projection shows "
                                  "the picture, with little detail");
  } else {
    sign_text_ = Capitalised(why) + ".";
    history_.reset();
  }
  untold_ = std::move(refusal);
}

GstFlowReturn Stream::PassOverRefused(FramePtr frame) {
  frame.reset();
  std::lock_guard lock(mutex_);
  ++stats_.refused;
  return GST_FLOW_OK;
}

// One latent that cannot be shown, though its caps can.
GstFlowReturn Stream::RefuseLatent(const Refusal& refusal,
                                   const std::optional<LatentStep>& step) {
  {
    std::lock_guard lock(mutex_);
    ++stats_.refused;
  }
  if (IsLive()) {
    TellOnce(refusal, step);
    return GST_FLOW_OK;
  }
  if (told_.insert(refusal.why.message()).second)
    PostError(GST_ELEMENT(element_), refusal.why, refusal.subject, {},
              refusal.where);
  return GST_FLOW_NOT_NEGOTIATED;
}

// Bytes that are no latent of their caps cost no stream its life, unless the
// property max-errors says so: the base class counts them.
GstFlowReturn Stream::Refuse(FramePtr frame, const tae::Status& why,
                             SourceLocation where) {
  {
    std::lock_guard lock(mutex_);
    ++stats_.refused;
  }
  const auto code = GstErrorCodeOf(why.code(), Subject::kLatent);
  TellOnce({why, Subject::kLatent, false, where},
           GetLatentStep(frame->input_buffer));
  GstFlowReturn flow = GST_FLOW_OK;
  if (code.code == GST_STREAM_ERROR_FORMAT) {
    GST_VIDEO_DECODER_ERROR(element_, 1, STREAM, FORMAT,
                            ("%s", why.message().c_str()), (nullptr), flow);
  } else {
    GST_VIDEO_DECODER_ERROR(element_, 1, STREAM, DECODE,
                            ("%s", why.message().c_str()), (nullptr), flow);
  }
  gst_video_decoder_drop_frame(element_, frame.release());
  return flow;
}

// The picture that says why there is none.
GstFlowReturn Stream::ShowSign(FramePtr frame,
                               const std::optional<LatentStep>& step,
                               const LiveSettings& live) {
  if (const auto flow = SettleOutput(step)) return *flow;
  const GstFlowReturn allocated = NewFrame(frame.get());
  if (allocated != GST_FLOW_OK) return allocated;
  const GstPtr<GstVideoCodecState> state(
      gst_video_decoder_get_output_state(element_));
  tae::Status drawn;
  {
    FrameMap map(&state->info, frame->output_buffer);
    drawn = map.ok()
                ? sign_.Draw(sign_text_, map.frame())
                : tae::DataLoss("the frame's memory is not writable as video");
  }
  if (!drawn.ok()) return Refuse(std::move(frame), drawn);
  {
    std::lock_guard lock(mutex_);
    ++stats_.refused;
  }
  if (live.post_messages)
    PostStep({.pts = frame->pts,
              .duration = frame->duration,
              .step = step.value_or(LatentStep{}),
              .report = {}},
             element_->input_segment);
  return Finish(std::move(frame));
}

}  // namespace taegst
