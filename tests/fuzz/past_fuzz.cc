// Any bytes as a file that an earlier run of the preview server kept: the
// generation that is made of its headers, and what is said of that in JSON.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "generation_store.h"
#include "past.h"
#include "status_json.h"
#include "stored_latent.h"

namespace {

constexpr size_t kMostSteps = 16;

void CheckJson(const nlohmann::json& said) {
  if (nlohmann::json::parse(preview::Dump(said), nullptr, false).is_discarded())
    abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int fd = memfd_create("past", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != ssize_t(size)) abort();
  const preview::KeptFile file(fd, size);
  auto past =
      preview::ReadPast(file, "20261128-120000-1.safetensors", kMostSteps);
  if (!past.ok()) {
    if (past.status().message().empty()) abort();
    return 0;
  }
  preview::GenerationStore store({.generations = 2});
  store.AddPast(std::move(past->generation));
  for (const preview::Generation& generation : store.generations()) {
    if (generation.steps.size() > kMostSteps) abort();
    CheckJson(preview::Summary(generation, 0));
    for (const preview::Step& step : generation.steps) {
      if (step.kept_at + step.kept_size > size) abort();
      CheckJson(preview::Describe(step, generation));
    }
  }
  return 0;
}
