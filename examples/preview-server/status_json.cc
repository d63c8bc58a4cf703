#include "status_json.h"

#include <algorithm>
#include <cmath>

namespace preview {
namespace {

using nlohmann::json;

constexpr double kStallSeconds = 30;
constexpr size_t kRateSteps = 8;

double Seconds(gint64 microseconds) {
  return std::round(double(microseconds) / 1000) / 1000;
}

// NaN and infinity have no place in JSON.
json Number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

template <typename T>
json OrNull(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json OrNull(const std::optional<double>& value) {
  return value ? Number(*value) : json(nullptr);
}

const Step* Newest(const Generation& generation) {
  return generation.steps.empty() ? nullptr : &generation.steps.back();
}

}  // namespace

double StepsPerSecond(const Generation& generation) {
  const auto& steps = generation.steps;
  if (steps.size() < 2) return 0;
  const size_t back = std::min(steps.size(), kRateSteps);
  const Step& first = steps[steps.size() - back];
  const Step& last = steps.back();
  const double count =
      first.said.step && last.said.step && *last.said.step > *first.said.step
          ? double(*last.said.step - *first.said.step)
          : double(last.index - first.index);
  const double seconds = double(last.time - first.time) / G_USEC_PER_SEC;
  return seconds > 0 ? count / seconds : 0;
}

const char* StateOf(const Generation& generation, gint64 now) {
  if (generation.final) return "finished";
  if (!generation.kept.empty()) return "stalled";
  const double rate = StepsPerSecond(generation);
  const double patience =
      std::max(kStallSeconds, rate > 0 ? 5 / rate : kStallSeconds);
  const double silence = double(now - generation.last) / G_USEC_PER_SEC;
  return silence > patience ? "stalled" : "running";
}

json Summary(const Generation& generation, gint64 now) {
  const Step* step = Newest(generation);
  const Step* picture = generation.newest_shown();
  const double rate = StepsPerSecond(generation);
  const std::string state = StateOf(generation, now);
  json said = {{"id", generation.id},
               {"name", generation.name},
               {"prompt", generation.prompt},
               {"seed", generation.seed  // JavaScript's numbers have 53 bits
                            ? json(std::to_string(*generation.seed))
                            : json(nullptr)},
               {"state", state},
               {"stop", generation.stop},
               {"date", generation.date},
               {"steps_per_second", Number(std::round(rate * 1000) / 1000)},
               {"came", generation.came},
               {"past", !generation.kept.empty()},
               {"bytes", generation.size()}};
  if (generation.place.items > 1) {
    said["item"] = generation.place.item;
    said["items"] = generation.place.items;
    said["batch"] = generation.batch;
  }
  if (generation.kept.empty())  // files do not say when a latent came
    said["elapsed"] = Seconds((state == "running" ? now : generation.last) -
                              generation.begin);
  if (step != nullptr) {
    said["step"] = OrNull(step->said.step);
    said["steps"] = OrNull(step->said.total_steps);
    said["sigma"] = OrNull(step->said.sigma);
    if (state == "running" && rate > 0 && step->said.step &&
        step->said.total_steps && *step->said.total_steps > *step->said.step)
      said["remaining"] =
          Number((*step->said.total_steps - *step->said.step) / rate);
  }
  if (picture != nullptr) {
    said["picture"] = picture->index;
    said["version"] = picture->version;
    said["width"] = picture->width;
    said["height"] = picture->height;
    said["change"] = OrNull(picture->change);
    said["converged"] = picture->converged;
    said["method"] = picture->method;
  }
  return said;
}

json Describe(const Step& step, const Generation& generation) {
  return {{"index", step.index},
          {"step", OrNull(step.said.step)},
          {"steps", OrNull(step.said.total_steps)},
          {"sigma", OrNull(step.said.sigma)},
          {"final", step.said.final},
          {"time", generation.kept.empty()
                       ? json(Seconds(step.time - generation.begin))
                       : json(nullptr)},
          {"picture", step.picture || !generation.kept.empty()},
          {"version", step.version},
          {"method", step.method},
          {"change", OrNull(step.change)},
          {"converged", step.converged},
          {"nonfinite", step.nonfinite},
          {"decode_ms", std::round(step.decode_ms * 10) / 10}};
}

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace preview
