#include "film.h"

#include <algorithm>
#include <utility>

#include "common/gst_ptr.h"
#include "main_thread.h"

namespace preview {
namespace {

void PushAll(const std::vector<FilmFrame>& frames, FilmEncoder::Input* input) {
  for (const FilmFrame& frame : frames) {
    const taegst::GstPtr<GstBuffer> buffer(
        gst_buffer_new_wrapped_bytes(frame.jpeg.get()));
    const taegst::GstPtr<GstCaps> caps(
        gst_caps_new_simple("image/jpeg", "width", G_TYPE_INT, frame.width,
                            "height", G_TYPE_INT, frame.height, nullptr));
    const taegst::GstPtr<GstSample> sample(
        gst_sample_new(buffer.get(), caps.get(), nullptr, nullptr));
    input->Push(sample.get());
  }
  input->End();
}

}  // namespace

FilmMaker::~FilmMaker() {
  for (const Job& job : jobs_) *job.cancelled = true;
  encoder_.reset();  // the renderer waits for it no longer
}

uint64_t FilmMaker::Make(FilmSource source, Done done) {
  if (jobs_.size() >= kMostWaiting) return 0;
  jobs_.push_back({.number = ++last_,
                   .source = std::move(source),
                   .done = std::move(done)});
  if (jobs_.size() == 1) Begin();
  return last_;
}

void FilmMaker::Begin() {
  const Job& job = jobs_.front();
  const bool jpeg = job.source.latents.empty();
  const auto end = [this, number = job.number](const Bytes& webm,
                                               const std::string& error) {
    PostToMain([this, number, webm, error] { End(number, webm, error); });
  };
  encoder_ = std::make_unique<FilmEncoder>(
      FilmEncoder::Film{.pictures = jpeg ? job.source.pictures.size()
                                         : job.source.latents.size(),
                        .width = job.source.width,
                        .height = job.source.height,
                        .jpeg = jpeg},
      end);
  if (const tae::Status started = encoder_->Start(); !started.ok())
    return end(nullptr, started.message());
  if (jpeg)
    PushAll(job.source.pictures, encoder_->input().get());
  else
    Render(job);
}

void FilmMaker::Render(const Job& job) {
  renderer_.Add({.latents = job.source.latents,
                 .on_picture =
                     [input = encoder_->input()](
                         size_t, const std::shared_ptr<GstSample>& picture) {
                       input->Push(picture.get());
                     },
                 .on_end =
                     [this, number = job.number,
                      input = encoder_->input()](const std::string& error) {
                       if (error.empty()) return input->End();
                       PostToMain([this, number, error] {
                         End(number, nullptr,
                             "The film was not made: " + error);
                       });
                     },
                 .cancelled = job.cancelled});
}

// A number that is not the first one's was cancelled.
void FilmMaker::End(uint64_t number, const Bytes& webm,
                    const std::string& error) {
  if (jobs_.empty() || jobs_.front().number != number) return;
  const Done done = std::move(jobs_.front().done);
  encoder_.reset();
  jobs_.pop_front();
  if (!jobs_.empty()) Begin();
  done(webm, error);
}

void FilmMaker::Cancel(uint64_t number) {
  const auto job = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& j) {
    return j.number == number;
  });
  if (job == jobs_.end()) return;
  *job->cancelled = true;
  const bool running = job == jobs_.begin();
  if (running) encoder_.reset();
  jobs_.erase(job);
  if (running && !jobs_.empty()) Begin();
}

}  // namespace preview
