#include "made_pictures.h"

#include <gst/video/video.h>

#include <algorithm>
#include <utility>

#include "common/gst_ptr.h"
#include "main_thread.h"
#include "picture_copy.h"

namespace preview {
namespace {

constexpr size_t kMostAtOnce = 16;
constexpr int kThumbnailHeight = 144;
constexpr GstClockTime kPatience = 60 * GST_SECOND;

// Null when it failed.
Bytes MakeJpeg(GstSample* raw, int width, int height) {
  const taegst::GstPtr<GstCaps> caps(
      gst_caps_new_simple("image/jpeg", "width", G_TYPE_INT, width, "height",
                          G_TYPE_INT, height, nullptr));
  const taegst::GstPtr<GstSample> made(
      gst_video_convert_sample(raw, caps.get(), kPatience, nullptr));
  return made ? CopyBytes(gst_sample_get_buffer(made.get())) : nullptr;
}

MadePicture Make(const std::shared_ptr<GstSample>& raw) {
  MadePicture made;
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(raw.get())))
    return made;
  made.width = GST_VIDEO_INFO_WIDTH(&info);
  made.height = GST_VIDEO_INFO_HEIGHT(&info);
  made.picture = MakeJpeg(raw.get(), made.width, made.height);
  made.thumbnail = MakeJpeg(
      raw.get(), std::max(1, made.width * kThumbnailHeight / made.height),
      kThumbnailHeight);
  made.raw = CopyPicture(raw.get());
  return made;
}

}  // namespace

bool MadePictures::Want(uint64_t generation, uint64_t index, Done done) {
  if (wanted_.size() + batch_.size() >= kMostWanted) return false;
  wanted_.push_back({generation, index, std::move(done)});
  if (batch_.empty()) PostToMain([this] { Begin(); });
  return true;
}

// What is wanted of one generation goes together.
void MadePictures::Begin() {
  if (!batch_.empty() || wanted_.empty()) return;
  const uint64_t generation = wanted_.front().generation;
  for (auto at = wanted_.begin();
       at != wanted_.end() && batch_.size() < kMostAtOnce;) {
    if (at->generation != generation) {
      ++at;
      continue;
    }
    batch_.push_back(std::move(*at));
    at = wanted_.erase(at);
  }
  std::sort(batch_.begin(), batch_.end(),
            [](const Wanted& a, const Wanted& b) { return a.index < b.index; });
  auto job = MakeJob();
  if (!job.ok()) return End(job.status().message());
  const auto indices = [this] {
    std::vector<uint64_t> all;
    for (const Wanted& wanted : batch_) all.push_back(wanted.index);
    return all;
  }();
  job->on_picture = [this, indices](size_t place,
                                    std::shared_ptr<GstSample> raw) {
    PostToMain([this, index = indices[place], made = Make(raw)] {
      Place(index, made);
    });
  };
  job->on_end = [this](const std::string& error) {
    PostToMain([this, error] { End(error); });
  };
  renderer_.Add(*std::move(job));
}

tae::StatusOr<Renderer::Job> MadePictures::MakeJob() const {
  const Generation* generation = store_->Find(batch_.front().generation);
  if (generation == nullptr || archive_ == nullptr)
    return tae::NotFound("this generation is no longer kept");
  const auto file = archive_->OpenKept(generation->kept);
  if (!file.ok()) return file.status();
  Renderer::Job job;
  for (const Wanted& wanted : batch_) {
    const Step* step = generation->Find(wanted.index);
    if (step == nullptr) return tae::NotFound("this step is no longer kept");
    job.latents.push_back({.bytes = nullptr,
                           .file = *file,
                           .offset = step->kept_at,
                           .size = step->kept_size});
  }
  return job;
}

void MadePictures::Place(uint64_t index, MadePicture made) {
  const bool whole = made.picture && made.thumbnail;
  if (whole) store_->AddMade(batch_.front().generation, index, std::move(made));
  for (Wanted& wanted : batch_)
    if (wanted.index == index && wanted.done)
      std::exchange(wanted.done,
                    nullptr)(whole ? "" : "no picture could be made");
}

void MadePictures::End(const std::string& error) {
  for (Wanted& wanted : std::exchange(batch_, {}))
    if (wanted.done) wanted.done(error.empty() ? "no picture came" : error);
  Begin();
}

}  // namespace preview
