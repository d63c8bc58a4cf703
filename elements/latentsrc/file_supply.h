// Latents of files, in natural order of their names, each file opened when its
// turn comes.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "latentsrc/latent_supply.h"

namespace taegst {

struct FileSettings {
  LatentOverrides overrides;
  bool continue_on_error = false;
  tae::LatentLimits limits;  // of one latent
};

class FileSupply final : public LatentSupply {
 public:
  // `files` is not empty.
  FileSupply(std::vector<std::string> files, FileSettings settings, Warn warn)
      : files_(std::move(files)),
        settings_(std::move(settings)),
        warn_(std::move(warn)) {}

  tae::StatusOr<Supplied> Next(SuppliedLatent* latent) override;
  // Reads again from the first file on.
  bool Seek(guint64 number) override;
  // Reads all headers, the first time that it is asked.
  std::optional<guint64> count() const override;

 private:
  tae::Status ReadNextFile();
  tae::StatusOr<SuppliedLatent> TakeMessage();
  void WarnOfFile(const tae::Status& status);

  const std::vector<std::string> files_;
  const FileSettings settings_;
  const Warn warn_;
  size_t next_file_ = 0;
  std::deque<tae::LatentMessage> messages_;  // of the file before that
  guint64 taken_ = 0;
  guint64 skip_ = 0;          // to come to the latent that was sought
  guint64 warned_files_ = 0;  // whose warnings were posted
  mutable std::mutex counting_;
  mutable std::atomic<gint64> count_{-1};  // -1: not known yet
};

}  // namespace taegst
