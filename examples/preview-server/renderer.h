// Decodes latents once more, when somebody asks for what was not decoded, or
// for better. Behind everything else: one at a time, by a thread of its own of
// low priority.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "stored_latent.h"

namespace preview {

class Renderer {
 public:
  using Properties = std::vector<std::pair<std::string, std::string>>;

  struct Job {
    std::vector<StoredLatent> latents;
    // Of each latent in order, RGB; on the renderer's thread, which waits.
    std::function<void(size_t place, std::shared_ptr<GstSample> picture)>
        on_picture;
    // After the last one, or in its stead; `error` is "" or a sentence. On the
    // renderer's thread; not called for a job that is given up.
    std::function<void(const std::string& error)> on_end;
    // Set by anybody: give it up.
    std::shared_ptr<std::atomic<bool>> cancelled =
        std::make_shared<std::atomic<bool>>(false);
  };

  // `decoder`: properties of taedecode as the live one has them; quality is the
  // best here, whatever they say.
  explicit Renderer(Properties decoder) : decoder_(std::move(decoder)) {}
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  void Add(Job job);

 private:
  class Decoding;

  void Work();
  void Run(const Job& job);
  bool GivenUp(const Job& job) const { return quit_ || *job.cancelled; }

  const Properties decoder_;
  std::thread thread_;  // begins with the first job
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::atomic<bool> quit_{false};
};

}  // namespace preview
