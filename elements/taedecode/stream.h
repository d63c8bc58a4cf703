// What taedecode is between start and stop: one model, one input format, one
// output format. Runs in the streaming thread; OnQos and stats() in any.
#pragma once

#include <gst/video/gstvideodecoder.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "tae/decoder.h"
#include "taedecode/checkup.h"
#include "taedecode/decode_policy.h"
#include "taedecode/decode_stats.h"
#include "taedecode/last_picture.h"
#include "taedecode/latent_history.h"
#include "taedecode/model_choice.h"
#include "taedecode/output_format.h"
#include "taedecode/output_size.h"
#include "taedecode/painter.h"
#include "taedecode/quality_policy.h"
#include "taedecode/refiner.h"
#include "taedecode/settings.h"

namespace taegst {

// Gives a frame that is neither finished nor dropped back to the base class.
struct ReleaseFrame {
  GstVideoDecoder* element;
  void operator()(GstVideoCodecFrame* frame) const {
    gst_video_decoder_release_frame(element, frame);
  }
};
using FramePtr = std::unique_ptr<GstVideoCodecFrame, ReleaseFrame>;

class Stream {
 public:
  Stream(GstVideoDecoder* element, Settings settings);

  // Loads the model if the settings say which. False: an error was posted.
  bool Start();

  // A new input format: finds its model, picks the output format. False: an
  // error was posted.
  bool SetFormat(GstVideoCodecState* input);

  // Asks downstream which format it takes and prepares the plan for it; false
  // if there is none. Without an input format nothing happens.
  bool ConfigureOutput();

  GstFlowReturn HandleFrame(FramePtr frame, const LiveSettings& live);

  // Decodes the newest latent if it was passed over: nothing follows it.
  GstFlowReturn DecodeHeld(const LiveSettings& live);

  void Flush();
  void OnQos(GstClockTimeDiff jitter, GstClockTime running_time) {
    policy_.OnQos(jitter, running_time);
    quality_.OnQos(jitter);
  }

  // Makes the decode in progress useless: a flush has begun. Any thread.
  void Cancel() { cancel_->store(true); }

  // Channels that the model takes; 0 while there is none.
  int model_channels() const;
  DecodeStats stats() const;
  // What the source pad can give: null while the input is not known.
  GstPtr<GstCaps> OfferedCaps() const;

 private:
  // The newest latent, passed over, kept for the case that it is the last.
  struct Held {
    FramePtr frame;
    Verdict verdict;
  };

  ModelRequest RequestFor(const std::string& variant) const;
  // A picture that was made, as the application hears of it.
  struct Picture {
    GstClockTime pts = GST_CLOCK_TIME_NONE;
    GstClockTime duration = GST_CLOCK_TIME_NONE;
    LatentStep step;
    tae::DecodeReport report;
    GstClockTime took = 0;
  };

  // What the refining thread needs of the latent that it works on.
  struct Refinement {
    GstPtr<GstBuffer> latent;
    std::unique_ptr<ReadMap> map;  // of it; before it is let go
    tae::LatentView view;
    GstPtr<GstBufferPool> pool;  // may be null
    GstVideoInfo info;
    GstSegment segment;
    Picture picture;         // the last that was shown
    size_t rung = 0;         // of that
    GstClockTime shown = 0;  // when the first was
    bool post_messages = false;
    bool keep_picture = false;
  };

  bool UseModel(const std::string& variant);
  bool GuessVariant(std::string* variant);
  bool MatchModel();
  void BeginHistory();
  std::vector<OutputSize> Sizes() const;
  bool SetOutput(const OutputFormat& format, const OutputSize& size);
  tae::Status CheckBuffer(GstBuffer* buffer) const;
  tae::Status Remember(GstBuffer* buffer, const std::optional<LatentStep>& step,
                       const LiveSettings& live);
  GstClockTime RunningTime(GstClockTime pts) const;
  void CheckUp(GstBuffer* buffer, const std::optional<LatentStep>& step,
               const LiveSettings& live);
  void DropHeld();
  GstFlowReturn Refuse(FramePtr frame, const tae::Status& why);
  bool RefinesPictures() const;
  std::optional<size_t> ChooseRung(const GstVideoCodecFrame* frame,
                                   const std::optional<LatentStep>& step,
                                   Verdict verdict);
  GstFlowReturn Decode(FramePtr frame, const std::optional<LatentStep>& step,
                       size_t rung, const LiveSettings& live);
  GstFlowReturn FinishAndRefine(FramePtr frame, Picture picture, size_t rung,
                                const LiveSettings& live);
  void EndRefinement();
  bool PassOverRepeated(GstBuffer* buffer);
  std::optional<GstClockTime> Refine(Refinement* job);
  bool PaintBetter(Refinement* job, size_t rung, GstBuffer* buffer);
  bool PushRefined(Refinement* job, GstPtr<GstBuffer> buffer);
  GstClockTime RestAfter(GstClockTime took) const;
  bool CanRepeat(const std::optional<LatentStep>& step, size_t rung,
                 const LiveSettings& live) const;
  void KeepPicture(const GstVideoInfo& info, GstBuffer* frame, size_t rung);
  GstVideoInfo ShownFormat() const;
  GstFlowReturn Repeat(FramePtr frame, const std::optional<LatentStep>& step,
                       size_t rung, const LiveSettings& live);
  tae::Status DecodeInto(GstVideoCodecFrame* frame, size_t rung,
                         tae::DecodeReport* report);
  void TellRung(GstVideoCodecFrame* frame, LatentStep* step, size_t rung);
  void MarkCorrupted(GstVideoCodecFrame* frame,
                     const std::optional<LatentStep>& step, gint64 nonfinite);
  void PostStep(const Picture& picture, const GstSegment& segment);
  void ReportLatency(GstClockTime took);
  bool IsLive() const;

  GstVideoDecoder* const element_;
  const Settings settings_;
  std::shared_ptr<tae::ParallelFor> threads_;
  std::optional<ChosenModel> chosen_;
  std::string model_variant_;  // what chosen_ was asked for
  const std::shared_ptr<std::atomic<bool>> cancel_;
  Painter painter_;
  QualityPolicy quality_;
  GstPtr<GstVideoCodecState> input_;
  std::optional<LatentInfo> latent_;
  std::optional<LatentHistory> history_;  // where latent_ is
  LastPicture last_picture_;
  size_t last_rung_ = 0;  // of last_picture_
  Checkup checkup_;
  DecodePolicy policy_;
  std::optional<Held> held_;
  LatencyEstimate latency_;
  bool warned_nonfinite_ = false;
  bool warned_refused_ = false;
  bool warned_guess_ = false;

  mutable std::mutex mutex_;  // of what other threads read
  DecodeStats stats_;
  int model_channels_ = 0;
  GstPtr<GstCaps> offered_;

  GstPtr<GstBuffer> refined_;   // the latent whose pictures get better
  bool refines_final_ = false;  // it is a generation's last
  Refiner refiner_;             // last: its thread uses all of the above
};

}  // namespace taegst
