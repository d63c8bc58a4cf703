// Pictures to a WebM film (VP9, or VP8 where that encoder alone is installed),
// in memory, by threads of low priority.
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>

#include <functional>
#include <memory>
#include <string>

#include "bytes.h"
#include "common/gst_ptr.h"
#include "tae/status.h"

namespace preview {

class FilmEncoder {
 public:
  struct Film {
    size_t pictures = 0;  // how many will be pushed: says how fast it plays
    int width = 0;        // of the film; pictures are scaled to it
    int height = 0;
    bool jpeg = false;  // pictures come as JPEG, else RGB
  };
  // Called once, on the main thread, from a watch: `webm` null when it failed,
  // then `error` is a sentence. It must not destroy the encoder.
  using Done = std::function<void(const Bytes& webm, const std::string& error)>;

  FilmEncoder(const Film& film, Done done);
  ~FilmEncoder();  // gives up what is not done; whoever pushes goes on
  FilmEncoder(const FilmEncoder&) = delete;
  FilmEncoder& operator=(const FilmEncoder&) = delete;

  tae::Status Start();

  // The input, for Push() and End() on any one thread, also after this is gone.
  class Input {
   public:
    // Waits while the encoder is behind, but never with JPEGs.
    void Push(GstSample* picture);
    // The last picture is held for a while, and the film is done.
    void End();

   private:
    friend class FilmEncoder;
    void Write(GstSample* picture);

    taegst::GstPtr<GstElement> source_;
    int rate_ = 1;
    guint64 count_ = 0;
    taegst::GstPtr<GstSample> last_;
  };
  std::shared_ptr<Input> input() const { return input_; }

 private:
  gboolean OnBusMessage(GstMessage* message);

  const Film film_;
  const Done done_;
  const std::shared_ptr<Input> input_ = std::make_shared<Input>();
  taegst::GstPtr<GstElement> pipeline_;
  GOutputStream* const file_;
  guint watch_ = 0;
};

}  // namespace preview
