#include "latentsrc/file_supply.h"

#include <algorithm>
#include <utility>

namespace taegst {

// A file that cannot be read is an error, or a warning and the next one.
tae::Status FileSupply::ReadNextFile() {
  const std::string& path = files_[next_file_++];
  tae::LatentLimits limits;
  limits.payload_bytes = settings_.max_bytes;
  tae::StatusOr<tae::LatentFile> read = tae::ReadLatentFile(path, limits);
  if (!read.ok()) {
    if (!settings_.continue_on_error) return read.status();
    // Read a second time after a seek, it is no news.
    if (next_file_ > warned_files_) warn_(read.status());
    warned_files_ = std::max<guint64>(warned_files_, next_file_);
    return {};
  }
  for (tae::LatentMessage& message : read->messages)
    messages_.push_back(std::move(message));
  // Read a second time after a seek, it is no news.
  if (next_file_ > warned_files_)
    for (const std::string& note : read->notes) warn_(tae::DataLoss(note));
  warned_files_ = std::max<guint64>(warned_files_, next_file_);
  return {};
}

tae::StatusOr<SuppliedLatent> FileSupply::TakeMessage() {
  tae::LatentMessage message = std::move(messages_.front());
  messages_.pop_front();
  tae::StatusOr<SuppliedLatent> latent =
      FromMessage(std::move(message), settings_.variant);
  if (latent.ok()) return latent;
  return tae::Status(latent.status().code(),
                     files_[next_file_ - 1] + ": " + latent.status().message());
}

tae::StatusOr<Supplied> FileSupply::Next(SuppliedLatent* latent) {
  for (;;) {
    if (messages_.empty()) {
      if (next_file_ == files_.size()) {
        if (taken_ == 0)
          return tae::DataLoss(files_.front() +
                               (files_.size() == 1 ? "" : " and all others") +
                               ": no latent could be read");
        count_ = gint64(taken_);
        return Supplied::kEnd;
      }
      TAE_RETURN_IF_ERROR(ReadNextFile());
      continue;
    }
    tae::StatusOr<SuppliedLatent> next = TakeMessage();
    if (!next.ok()) {
      if (!settings_.continue_on_error) return next.status();
      warn_(next.status());
      continue;
    }
    ++taken_;
    if (skip_ > 0) {
      --skip_;
      continue;
    }
    *latent = *std::move(next);
    return Supplied::kLatent;
  }
}

bool FileSupply::Seek(guint64 number) {
  next_file_ = 0;
  messages_.clear();
  taken_ = 0;
  skip_ = number;
  return true;
}

std::optional<guint64> FileSupply::count() const {
  const gint64 count = count_;
  return count < 0 ? std::nullopt : std::optional<guint64>(count);
}

}  // namespace taegst
