// A generation's pictures as a film, made when somebody asks for it.
// Threads: the main one; GStreamer's threads do the work meanwhile.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bytes.h"

namespace preview {

struct FilmFrame {
  Bytes jpeg;
  int width = 0;
  int height = 0;
};

// WebM (VP9, or VP8 where that encoder alone is installed), the last picture
// held. One film at a time, the others wait.
class FilmMaker {
 public:
  static constexpr size_t kMostWaiting = 16;
  // `webm` is null when it failed; then `error` is a sentence.
  using Done = std::function<void(const Bytes& webm, const std::string& error)>;

  FilmMaker();
  ~FilmMaker();
  FilmMaker(const FilmMaker&) = delete;
  FilmMaker& operator=(const FilmMaker&) = delete;

  // `done` is called later, from the main loop. False: too many wait already.
  // Frames must not be empty.
  bool Make(std::vector<FilmFrame> frames, Done done);

 private:
  struct Job {
    std::vector<FilmFrame> frames;
    Done done;
  };
  struct Run;

  void Begin();
  gboolean OnBusMessage(GstMessage* message);
  void End(const Bytes& webm, const std::string& error);

  std::deque<Job> jobs_;  // the first one runs
  std::unique_ptr<Run> run_;
};

}  // namespace preview
