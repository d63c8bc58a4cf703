// What scripts and the page read of generations.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "generation.h"

namespace preview {

// "running", "finished", or "stalled" when no step came for long.
const char* StateOf(const Generation& generation, gint64 now);

// Steps a second over the last few; 0 = not known yet.
double StepsPerSecond(const Generation& generation);

// Times in seconds. `now` is g_get_monotonic_time().
nlohmann::json Summary(const Generation& generation, gint64 now);
nlohmann::json Describe(const Step& step, const Generation& generation);

// One line; texts that are not UTF-8 are mended.
std::string Dump(const nlohmann::json& json);

}  // namespace preview
