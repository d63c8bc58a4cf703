#include "progress/progress_text.h"

#include <algorithm>
#include <cmath>

namespace taegst {
namespace {

#define NBSP "\u00a0"  // lines break between the parts, not inside

double PositionOf(const LatentStep& step) {
  return double(step.step.value_or(0)) + step.between.value_or(0);
}

std::string Clock(GstClockTime time) {
  const guint64 seconds = (time + GST_SECOND / 2) / GST_SECOND;
  const guint64 hours = seconds / 3600;
  char text[40];
  if (hours > 0)
    g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT ":%02u:%02u", hours,
               guint(seconds / 60 % 60), guint(seconds % 60));
  else
    g_snprintf(text, sizeof text, "%u:%02u", guint(seconds / 60),
               guint(seconds % 60));
  return text;
}

// A point whatever the locale; four digits that tell.
std::string Number(double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  const char* format = std::fabs(value) < 10 ? "%.3f" : "%.1f";
  return g_ascii_formatd(text, sizeof text, format, value);
}

std::string StepText(const LatentStep& step) {
  std::string text = "Step" NBSP + std::to_string(*step.step);
  if (step.total_steps) text += "/" + std::to_string(*step.total_steps);
  return text;
}

std::string TimeText(const Progress& progress) {
  std::string text = Clock(*progress.elapsed);
  if (progress.remaining && !progress.step.final)
    text += "," NBSP + Clock(*progress.remaining) + NBSP "left";
  return text;
}

GType ProgressShowGetType() {
  static const GFlagsValue values[] = {
      {kShowStep, "Step and number of steps", "step"},
      {kShowSigma, "Noise that is left", "sigma"},
      {kShowTime, "Time elapsed and left", "time"},
      {kShowRung, "How the frame was decoded", "rung"},
      {0, nullptr, nullptr}};
  static const GType type = [] {
    if (const GType known = g_type_from_name("GstTaeProgressShow"))
      return known;
    const GType made = g_flags_register_static("GstTaeProgressShow", values);
    gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
    return made;
  }();
  return type;
}

}  // namespace

GParamSpec* ProgressShowSpec() {
  return g_param_spec_flags(
      "show", "Show", "What the words tell", ProgressShowGetType(), kShowAll,
      GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                  GST_PARAM_MUTABLE_PLAYING));
}

bool ProgressClock::Begins(const LatentStep& step) const {
  return !first_ || step.prompt_id != last_.prompt_id ||
         (last_.final && !step.final) || PositionOf(step) < PositionOf(last_);
}

Progress ProgressClock::Add(const LatentStep& step, GstClockTime time) {
  const double position = PositionOf(step);
  if (Begins(step)) first_ = Seen{step, position, time};
  last_ = step;
  Progress progress{.step = step};
  if (step.final)
    progress.fraction = 1;
  else if (step.step && step.total_steps && *step.total_steps > 0)
    progress.fraction = std::min(1.0, position / *step.total_steps);
  if (!GST_CLOCK_TIME_IS_VALID(time) ||
      !GST_CLOCK_TIME_IS_VALID(first_->time) || time < first_->time)
    return progress;
  progress.elapsed = time - first_->time;
  const double steps = position - first_->position;
  if (step.total_steps && steps > 0) {
    const double left = std::max(0.0, *step.total_steps - position);
    progress.remaining = GstClockTime(double(*progress.elapsed) / steps * left);
  }
  return progress;
}

GstClockTime RunningTime(const GstSegment* segment, GstBuffer* frame) {
  if (segment->format != GST_FORMAT_TIME) return GST_CLOCK_TIME_NONE;
  return gst_segment_to_running_time(segment, GST_FORMAT_TIME,
                                     GST_BUFFER_PTS(frame));
}

std::string ProgressText(const Progress& progress, guint show) {
  const LatentStep& step = progress.step;
  std::string text;
  const auto add = [&](const std::string& part) {
    text += (text.empty() ? "" : NBSP "· ") + part;
  };
  if ((show & kShowStep) != 0 && step.step) add(StepText(step));
  if ((show & kShowSigma) != 0 && step.sigma && std::isfinite(*step.sigma))
    add("σ" NBSP + Number(*step.sigma));
  if ((show & kShowTime) != 0 && progress.elapsed) add(TimeText(progress));
  if ((show & kShowRung) != 0 && !step.rung.empty()) add(step.rung);
  return text;
}

}  // namespace taegst
