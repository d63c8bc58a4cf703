#include "latentsrc/file_supply.h"

#include <algorithm>
#include <utility>

#include "latentsrc/count_latents.h"

namespace taegst {

// Read a second time after a seek, it is no news.
void FileSupply::WarnOfFile(const tae::Status& status) {
  if (next_file_ > warned_files_) warn_(status);
}

// A file that cannot be read is an error, or a warning and the next one. One
// that is damaged further on plays up to there.
tae::Status FileSupply::ReadNextFile() {
  const std::string& path = files_[next_file_++];
  tae::StatusOr<tae::LatentFile> read =
      tae::ReadLatentFile(path, settings_.limits);
  if (!read.ok()) {
    if (!settings_.continue_on_error) return read.status();
    WarnOfFile(read.status());
  } else {
    for (const std::string& note : read->notes) WarnOfFile(tae::DataLoss(note));
    for (tae::LatentMessage& message : read->messages)
      messages_.push_back(std::move(message));
  }
  warned_files_ = std::max<guint64>(warned_files_, next_file_);
  return {};
}

tae::StatusOr<SuppliedLatent> FileSupply::TakeMessage() {
  tae::LatentMessage message = std::move(messages_.front());
  messages_.pop_front();
  tae::StatusOr<SuppliedLatent> latent =
      FromMessage(std::move(message), settings_.overrides);
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
  std::lock_guard lock(counting_);
  if (count_ < 0) {
    guint64 count = 0;
    for (const std::string& path : files_)
      count += CountLatents(path, settings_.limits);
    // The end may have been reached meanwhile, where the count is certain.
    gint64 unknown = -1;
    count_.compare_exchange_strong(unknown, gint64(count));
  }
  return guint64(count_.load());
}

}  // namespace taegst
