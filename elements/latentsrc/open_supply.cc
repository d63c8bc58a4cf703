#include "latentsrc/open_supply.h"

#include <string>
#include <utility>
#include <vector>

#include "latentsrc/demo_supply.h"
#include "latentsrc/file_supply.h"
#include "latentsrc/latent_files.h"
#include "latentsrc/stream_supply.h"

namespace taegst {
namespace {

using SupplyPtr = std::shared_ptr<LatentSupply>;

tae::StatusOr<SupplyPtr> OpenStream(const SourceSettings& settings,
                                    LatentOverrides overrides,
                                    const Warn& warn) {
  auto stream = StreamSupply::Open(
      {.location = settings.location,
       .overrides = std::move(overrides),
       .allow_remote = settings.allow_remote,
       .limits = settings.limits(),
       .keep_bytes = settings.keep_all ? settings.max_backlog : 0},
      warn);
  if (!stream.ok()) return stream.status();
  return SupplyPtr(*std::move(stream));
}

tae::StatusOr<SupplyPtr> OpenFiles(const SourceSettings& settings,
                                   LatentOverrides overrides,
                                   const Warn& warn) {
  tae::StatusOr<std::vector<std::string>> files =
      ListLatentFiles(settings.location);
  if (!files.ok()) return files.status();
  FileSettings file{.overrides = std::move(overrides),
                    .continue_on_error = settings.continue_on_error,
                    .limits = settings.limits()};
  return SupplyPtr(
      std::make_shared<FileSupply>(*std::move(files), std::move(file), warn));
}

}  // namespace

tae::StatusOr<SupplyPtr> OpenSupply(const SourceSettings& settings,
                                    const Warn& warn) {
  tae::StatusOr<LatentOverrides> overrides = settings.overrides();
  if (!overrides.ok()) return overrides.status();
  if (settings.location.empty()) {
    DemoSettings demo = settings.demo;
    demo.variant = overrides->variant;
    return SupplyPtr(std::make_shared<DemoSupply>(demo));
  }
  return IsStreamLocation(settings.location)
             ? OpenStream(settings, *std::move(overrides), warn)
             : OpenFiles(settings, *std::move(overrides), warn);
}

}  // namespace taegst
