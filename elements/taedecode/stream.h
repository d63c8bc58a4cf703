// What taedecode is between start and stop: one model, one input format, one
// output format. Runs in the streaming thread; OnQos and stats() in any.
#pragma once

#include <gst/video/gstvideodecoder.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/gst_ptr.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "common/source_location.h"
#include "common/status_gst.h"
#include "tae/decoder.h"
#include "taedecode/batch_grid.h"
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
#include "taedecode/sign.h"

namespace taegst {

// Gives a frame that is neither finished nor dropped back to the base class.
struct ReleaseFrame {
  GstVideoDecoder* element;
  void operator()(GstVideoCodecFrame* frame) const {
    gst_video_decoder_release_frame(element, frame);
  }
};
using FramePtr = std::unique_ptr<GstVideoCodecFrame, ReleaseFrame>;

// Why latents are not shown.
struct Refusal {
  tae::Status why;
  Subject subject = Subject::kLatent;
  bool no_decoder = false;  // they are understood, but nothing decodes them
  SourceLocation where = SourceLocation::current();
};

class Stream {
 public:
  Stream(GstVideoDecoder* element, Settings settings);

  // Loads the model if the settings say which. False: an error was posted.
  bool Start();

  // A new input format: finds its model, picks the output format. False: an
  // error was posted. Of a live source nothing is an error.
  bool SetFormat(GstVideoCodecState* input);

  // The next format is that of caps that could not be read.
  void DistrustFormat(tae::Status why) { distrusted_ = std::move(why); }

  // Asks downstream which format it takes, prepares the plan for it, and lets
  // the base class negotiate it. False if there is none. Without an input
  // format the base class alone has its way; while a picture is drawn nothing
  // happens until it is finished.
  bool Negotiate(const std::function<bool()>& negotiate_base);

  GstFlowReturn HandleFrame(FramePtr frame, const LiveSettings& live);

  // Decodes the newest latent if it was passed over: nothing follows it.
  GstFlowReturn DecodeHeld(const LiveSettings& live);

  void Flush();
  void OnQos(GstClockTimeDiff jitter, GstClockTime running_time) {
    policy_.OnQos(jitter, running_time);
    quality_.OnQos(jitter);
  }

  // Makes the decode in progress useless, and all that begin before the next
  // Flush: a flush or a stop has begun. Any thread.
  void Cancel() {
    useless_.store(true);
    cancel_->store(true);
  }

  // Tags of the generation that comes.
  void OnTags(const GstTagList* tags);

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
    std::vector<tae::LatentView> views;
    GstPtr<GstBufferPool> pool;  // may be null
    GstVideoInfo info;
    GstSegment segment;
    Picture picture;         // the last that was shown
    size_t rung = 0;         // of that
    GstClockTime shown = 0;  // when the first was
    bool post_messages = false;
    bool keep_picture = false;
  };

  struct Output {
    OutputFormat format;
    OutputSize size;
    friend bool operator==(const Output&, const Output&) = default;
  };

  tae::Status ReadSettings();
  std::optional<Refusal> UseModel(const std::string& variant);
  void TakeModel(ChosenModel chosen, const std::string& variant);
  std::optional<Refusal> GuessVariant(std::string* variant);
  std::optional<Refusal> MatchModel();
  void BeginHistory();

  std::vector<OutputSize> Sizes() const;
  GridShape Grid() const;
  int PixelsPerLatent() const;
  std::optional<Refusal> ConfigureOutput();
  std::optional<Refusal> SetOutput(const OutputFormat& format,
                                   const OutputSize& size);
  std::optional<Refusal> SetScene(const OutputFormat& format,
                                  const OutputSize& size,
                                  const GstVideoInfo& shown);
  Refusal TooLarge(const OutputSize& size) const;
  std::optional<GstFlowReturn> SettleOutput(
      const std::optional<LatentStep>& step);
  bool IsOutdated() const;
  GstFlowReturn NewFrame(GstVideoCodecFrame* frame);
  GstFlowReturn Finish(FramePtr frame);

  bool IsLive() const;
  bool RefuseFormat(Refusal refusal);
  void StandIn(Refusal refusal);
  GstFlowReturn RefuseLatent(const Refusal& refusal,
                             const std::optional<LatentStep>& step);
  void TellOnce(const Refusal& refusal, const std::optional<LatentStep>& step);
  std::string Producer(const std::optional<LatentStep>& step) const;
  GstFlowReturn ShowSign(FramePtr frame, const std::optional<LatentStep>& step,
                         const LiveSettings& live);

  tae::Status CheckBuffer(GstBuffer* buffer) const;
  std::vector<tae::LatentView> ShownLatents(const void* bytes) const;
  tae::Status Remember(GstBuffer* buffer, const std::optional<LatentStep>& step,
                       const LiveSettings& live);
  GstClockTime RunningTime(GstClockTime pts) const;
  void CheckUp(GstBuffer* buffer, const std::optional<LatentStep>& step,
               const LiveSettings& live);
  void DropHeld();
  GstFlowReturn PassOverRefused(FramePtr frame);
  GstFlowReturn Refuse(FramePtr frame, const tae::Status& why,
                       SourceLocation where = SourceLocation::current());
  bool RefinesPictures() const;
  std::optional<size_t> ChooseRung(const GstVideoCodecFrame* frame,
                                   const std::optional<LatentStep>& step,
                                   Verdict verdict);
  std::optional<GstFlowReturn> DrawFrame(FramePtr* frame, size_t rung,
                                         Picture* picture);
  GstFlowReturn Decode(FramePtr frame, const std::optional<LatentStep>& step,
                       size_t rung, const LiveSettings& live);
  GstFlowReturn FinishAndRefine(FramePtr frame, Picture picture, size_t rung,
                                const LiveSettings& live);
  void EndRefinement();
  bool PassOverRepeated(GstBuffer* buffer);
  std::optional<GstClockTime> Refine(Refinement* job);
  bool PaintBetter(Refinement* job, size_t rung, GstBuffer* buffer);
  static bool ClipTo(const GstSegment& segment, Picture* picture);
  bool PushRefined(Refinement* job, GstPtr<GstBuffer> buffer);
  GstClockTime RestAfter(GstClockTime took) const;
  bool CanRepeat(const std::optional<LatentStep>& step, size_t rung,
                 const LiveSettings& live) const;
  void KeepPicture(const GstVideoInfo& info, GstBuffer* frame, size_t rung);
  GstVideoInfo ShownFormat() const;
  GstFlowReturn Repeat(FramePtr frame, const std::optional<LatentStep>& step,
                       const LiveSettings& live);
  tae::Status DecodeInto(GstVideoCodecFrame* frame, size_t rung,
                         tae::DecodeReport* report);
  void TellRung(GstVideoCodecFrame* frame, LatentStep* step, size_t rung);
  void MarkCorrupted(GstVideoCodecFrame* frame,
                     const std::optional<LatentStep>& step, gint64 nonfinite);
  void PostStep(const Picture& picture, const GstSegment& segment);
  void ReportLatency(GstClockTime took);

  GstVideoDecoder* const element_;
  Settings settings_;  // from Start on their variant is a space's own name
  int batch_ = kBatchGrid;
  std::shared_ptr<tae::ParallelFor> threads_;
  std::optional<ChosenModel> chosen_;
  std::string model_variant_;  // what chosen_ was asked for
  const std::shared_ptr<std::atomic<bool>> cancel_;
  std::atomic<bool> useless_{false};  // what is decoded; until a flush ends
  Painter painter_;
  QualityPolicy quality_;
  GstPtr<GstVideoCodecState> input_;
  std::optional<LatentInfo> latent_;
  std::optional<LatentHistory> history_;  // where latent_ is, and a decoder
  std::optional<Output> output_;          // what scene and frames are made for
  bool output_changed_ = false;           // since it was negotiated
  bool drawing_ = false;                  // a frame that has to keep its format
  bool renegotiate_ = false;              // asked for meanwhile
  std::optional<Refusal> unsettled_;      // why the last negotiation failed
  LastPicture last_picture_;
  size_t last_rung_ = 0;  // of last_picture_
  Checkup checkup_;
  DecodePolicy policy_;
  std::optional<Held> held_;
  LatencyEstimate latency_;
  bool warned_nonfinite_ = false;
  bool warned_guess_ = false;

  std::optional<tae::Status> distrusted_;
  std::optional<Refusal> untold_;  // until a latent says whose it is
  std::set<std::string> told_;     // refusals, with their generation
  std::string sign_text_;          // "" = there is a decoder
  Sign sign_;
  std::string prompt_;  // of the generation, from tags

  mutable std::mutex mutex_;  // of what other threads read
  DecodeStats stats_;
  int model_channels_ = 0;
  GstPtr<GstCaps> offered_;

  GstPtr<GstBuffer> refined_;   // the latent whose pictures get better
  bool refines_final_ = false;  // it is a generation's last
  Refiner refiner_;             // last: its thread uses all of the above
};

}  // namespace taegst
