// `tae doctor`: what is wrong with latents; and how often the latent doctor is
// right about it.
#include "tae/doctor.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/half.h"
#include "tae/latent_stream.h"
#include "tae/variant.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/latents.h"
#include "tool/mistakes.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {
    {"--variant"}, {"--domain"},       {"--layout"},       {"--size"},
    {"--pred"},    {"--table", false}, {"--check", false}, {"--misses", false}};

std::string NameOf(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

// Prints one line; true when nothing was found.
bool Tell(const std::string& name, const Diagnosis& found) {
  if (found.ok()) {
    std::printf("%s: nothing found\n", name.c_str());
    return true;
  }
  std::printf("%s: %s: %s; try %s\n", name.c_str(),
              std::string(AilmentName(found.ailment)).c_str(),
              found.sentence.c_str(), TypedFix(found.fix).c_str());
  return false;
}

StatusOr<bool> Examine(const std::string& path, const Arguments& arguments) {
  const auto messages = ReadLatents(path, arguments);
  if (!messages.ok()) return messages.status();
  bool healthy = true;
  int number = 0;
  const bool several =
      messages->size() > 1 || BatchOf(messages->front().header) > 1;
  for (const LatentMessage& message : *messages) {
    for (int item = 0; item < BatchOf(message.header); ++item) {
      const auto view = message.View(item);
      if (!view.ok())
        return Status(view.status().code(),
                      path + ": " + view.status().message());
      const Diagnosis found =
          Diagnose(*view, {.variant = VariantOf(message.header, view->channels),
                           .noisy = message.header.description.pred == "x"});
      std::string name = NameOf(path);
      if (several) name += " " + std::to_string(++number);
      healthy = Tell(name, found) && healthy;
    }
  }
  return healthy;
}

// Three frames of a clip [1, C, T, H, W], and one channel's frames.
std::vector<Specimen> SpecimensOfClip(const std::string& name,
                                      const std::string& variant,
                                      const LatentMessage& message) {
  const auto& dims = message.header.dims;
  const auto channels = static_cast<size_t>(dims[1]);
  const auto count = static_cast<size_t>(dims[2]);
  const auto plane = static_cast<size_t>(dims[3] * dims[4]);
  std::vector<float> all(channels * count * plane);
  LoadFloats(message.header.dtype, message.payload.data(), all.size(),
             all.data());
  std::vector<Specimen> specimens;
  for (const size_t t : {size_t{0}, count / 2, count - 1}) {
    Specimen specimen{
        .name = name + " frame " + std::to_string(t),
        .variant = variant,
        .channels = static_cast<int>(channels),
        .extent = {static_cast<int>(dims[3]), static_cast<int>(dims[4])}};
    for (size_t c = 0; c < channels; ++c)
      for (size_t i = 0; i < plane; ++i)
        specimen.planes.push_back(all[(c * count + t) * plane + i]);
    // Of another channel for each frame.
    const size_t first = t % channels * count * plane;
    if (count >= channels)
      specimen.frames.assign(all.begin() + first,
                             all.begin() + first + channels * plane);
    specimens.push_back(std::move(specimen));
  }
  return specimens;
}

StatusOr<std::vector<Specimen>> SpecimensOf(const std::string& path,
                                            const Arguments& arguments) {
  const auto messages = ReadLatents(path, arguments);
  if (!messages.ok()) return messages.status();
  std::vector<Specimen> specimens;
  for (const LatentMessage& message : *messages) {
    const auto& dims = message.header.dims;
    if (dims.size() == 5 && dims[2] > 1) {
      for (Specimen& specimen : SpecimensOfClip(
               NameOf(path),
               VariantOf(message.header, static_cast<int>(dims[1])), message))
        specimens.push_back(std::move(specimen));
      continue;
    }
    const auto view = message.View();
    if (!view.ok()) return view.status();
    if (view->layout != LatentLayout::kNchw ||
        view->domain != LatentDomain::kSampler)
      return Unsupported(path +
                         ": --table takes latents [N, C, H, W] of the "
                         "sampler's domain, known to be right");
    Specimen specimen{.name = NameOf(path),
                      .variant = VariantOf(message.header, view->channels),
                      .channels = view->channels,
                      .extent = view->extent};
    specimen.planes.resize(view->size / SizeOf(view->dtype));
    LoadFloats(view->dtype, view->data, specimen.planes.size(),
               specimen.planes.data());
    specimens.push_back(std::move(specimen));
  }
  return specimens;
}

struct Score {
  int found = 0;
  int of = 0;
};

std::string TextOf(Score score) {
  if (score.of == 0) return "-";
  return std::to_string(score.found) + "/" + std::to_string(score.of);
}

// The columns: one an ailment, in the order of the enumeration.
constexpr size_t kAilments = static_cast<size_t>(Ailment::kDomain) + 1;

struct Table {
  std::array<Score, kAilments> all = {};
  int named = 0;      // of those found: the right ailment and fix
  Score alarms = {};  // false ones
  bool show_misses = false;
};

void Miss(const Table& table, const Specimen& specimen,
          const Declared& declared, const Diagnosis& found) {
  if (!table.show_misses) return;
  std::printf("    %s, %s: ", specimen.name.c_str(), declared.what.c_str());
  Tell("", found);
}

void AddRow(const Specimen& specimen, Table* table) {
  std::array<Score, kAilments> row = {};
  Score alarms;
  VisitRight(specimen, [&](const Declared& declared) {
    const Diagnosis found = Diagnose(declared.view, declared.options);
    ++alarms.of;
    if (found.ok()) return;
    ++alarms.found;
    Miss(*table, specimen, declared, found);
  });
  VisitMistakes(specimen, [&](const Declared& declared) {
    const Diagnosis found = Diagnose(declared.view, declared.options);
    Score& score = row[static_cast<size_t>(declared.ailment)];
    ++score.of;
    score.found += found.ok() ? 0 : 1;
    const bool named = found.ailment == declared.ailment &&
                       found.fix.starts_with(declared.fix);
    table->named += named ? 1 : 0;
    if (!named) Miss(*table, specimen, declared, found);
  });
  std::printf("%-36.36s", specimen.name.c_str());
  for (size_t i = 1; i < kAilments; ++i) {
    std::printf(" %9s", TextOf(row[i]).c_str());
    table->all[i].found += row[i].found;
    table->all[i].of += row[i].of;
  }
  std::printf(" %9s\n", TextOf(alarms).c_str());
  table->alarms.found += alarms.found;
  table->alarms.of += alarms.of;
}

bool PrintTotal(const Table& table) {
  Score all;
  std::printf("%-36s", "all");
  for (size_t i = 1; i < kAilments; ++i) {
    std::printf(" %9s", TextOf(table.all[i]).c_str());
    all.found += table.all[i].found;
    all.of += table.all[i].of;
  }
  std::printf(" %9s\n", TextOf(table.alarms).c_str());
  const double rate = all.of > 0 ? 100.0 * all.found / all.of : 0;
  std::printf(
      "%d of %d mistakes found (%.1f %%), %d of them with the right name and "
      "fix; %d false alarms in %d right latents\n",
      all.found, all.of, rate, table.named, table.alarms.found,
      table.alarms.of);
  return rate >= 95 && table.alarms.found == 0;
}

StatusOr<bool> PrintTable(const Arguments& arguments) {
  Table table{.show_misses = arguments.Has("--misses")};
  std::printf("%-36s", "mistakes found, by kind");
  for (size_t i = 1; i < kAilments; ++i)
    std::printf(" %9s",
                std::string(AilmentName(static_cast<Ailment>(i))).c_str());
  std::printf(" %9s\n", "alarms");
  for (const std::string& path : arguments.positional()) {
    const auto specimens = SpecimensOf(path, arguments);
    if (!specimens.ok()) return specimens.status();
    for (const Specimen& specimen : *specimens) AddRow(specimen, &table);
  }
  return PrintTotal(table);
}

}  // namespace

StatusOr<int> Doctor(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  if (arguments->positional().empty())
    return InvalidArgument("name at least one file of latents");
  bool good = true;
  if (arguments->Has("--table")) {
    const auto within = PrintTable(*arguments);
    if (!within.ok()) return within.status();
    good = *within;
  } else {
    for (const std::string& path : arguments->positional()) {
      const auto healthy = Examine(path, *arguments);
      if (!healthy.ok()) return healthy.status();
      good = good && *healthy;
    }
  }
  return arguments->Has("--check") && !good ? 1 : 0;
}

}  // namespace tae::tool
