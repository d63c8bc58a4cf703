#include "past.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/latent_message.h"
#include "picture_size.h"

namespace preview {
namespace {

// Headers of messages are a few hundred bytes; more is read where they say so.
constexpr uint64_t kFirstRead = 4096;
// Of one file: what a start may cost.
constexpr size_t kMostMessages = 4096;

// The header of the message at `offset`. Errors: it is none, or not whole.
tae::StatusOr<tae::LatentHeader> ReadHeader(const KeptFile& file,
                                            uint64_t offset) {
  const tae::LatentLimits limits;
  for (uint64_t wanted = kFirstRead;;) {
    const auto bytes = file.Read(offset, wanted);
    if (!bytes.ok()) return bytes.status();
    const std::string_view view = ViewOf(*bytes);
    uint64_t needed = 0;
    auto header =
        tae::ReadLatentHeader(view.data(), view.size(), limits, &needed);
    if (!header.ok()) return header.status();
    if (*header) {
      if ((*header)->source != tae::LatentSource::kSafetensors)
        return tae::Unsupported("a message is not safetensors");
      if ((*header)->message_size > file.size() - offset)
        return tae::DataLoss("the file ends inside a latent");
      return **std::move(header);
    }
    if (view.size() < wanted || needed <= wanted)
      return tae::DataLoss("the file ends inside a header");
    wanted = needed;
  }
}

// YYYYMMDD-HHMMSS, the local time of the first latent.
gint64 DateOf(const std::string& name) {
  const auto number = [&](size_t at, size_t count) {
    return int(g_ascii_strtoll(name.substr(at, count).c_str(), nullptr, 10));
  };
  GDateTime* date =
      g_date_time_new_local(number(0, 4), number(4, 2), number(6, 2),
                            number(9, 2), number(11, 2), number(13, 2));
  if (date == nullptr) return 0;
  const gint64 seconds = g_date_time_to_unix(date);
  g_date_time_unref(date);
  return seconds;
}

void AddStep(const tae::LatentHeader& header, uint64_t offset,
             Generation* generation) {
  taegst::LatentStep said = taegst::StepOfMessage(header);
  const tae::LatentDescription& more = header.description;
  if (generation->steps.empty()) {
    generation->name = ShortText(more.gen);
    generation->place = ItemOf(said);
  }
  if (!more.prompt.empty()) generation->prompt = ShortText(more.prompt);
  if (said.seed) generation->seed = said.seed;
  generation->final = said.final;
  Step step;
  if (const auto size = SizeOfHeader(header); size.ok()) {
    step.width = size->width;
    step.height = size->height;
  }
  said.prompt_id.clear();
  said.extra.clear();
  step.index = generation->came++;
  step.said = std::move(said);
  step.kept_at = offset;
  step.kept_size = header.message_size;
  generation->steps.push_back(std::move(step));
}

}  // namespace

tae::StatusOr<Past> ReadPast(const KeptFile& file, const std::string& name,
                             size_t most_steps) {
  Past past;
  past.generation.date = DateOf(name);
  past.generation.kept = name;
  uint64_t offset = 0;
  while (offset < file.size()) {
    const auto header = past.generation.came < kMostMessages
                            ? ReadHeader(file, offset)
                            : tae::Unsupported("it has too many latents");
    if (!header.ok() && offset == 0) return header.status();
    if (!header.ok()) {
      past.trouble = header.status().message();
      break;
    }
    AddStep(*header, offset, &past.generation);
    offset += header->message_size;
    if (past.generation.steps.size() > most_steps) Thin(&past.generation);
  }
  if (offset == 0) return tae::DataLoss("the file is empty");
  past.generation.kept_size = offset;
  return past;
}

}  // namespace preview
