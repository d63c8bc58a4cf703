// Owners of GStreamer objects, and maps that unmap themselves: nothing leaks on
// an early return.
#pragma once

#include <gst/gst.h>
#include <gst/video/gstvideodecoder.h>
#include <gst/video/video.h>

#include <memory>

namespace taegst {

struct Unref {
  void operator()(GstAllocator* a) const { gst_object_unref(a); }
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstBus* bus) const { gst_object_unref(bus); }
  void operator()(GstBufferPool* pool) const { gst_object_unref(pool); }
  void operator()(GstElement* element) const { gst_object_unref(element); }
  void operator()(GstEvent* event) const { gst_event_unref(event); }
  void operator()(GstMessage* message) const { gst_message_unref(message); }
  void operator()(GstQuery* query) const { gst_query_unref(query); }
  void operator()(GstPad* pad) const { gst_object_unref(pad); }
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
  void operator()(GstTagList* tags) const { gst_tag_list_unref(tags); }
  void operator()(GstStructure* s) const { gst_structure_free(s); }
  void operator()(GstVideoCodecState* state) const {
    gst_video_codec_state_unref(state);
  }
  void operator()(GstVideoConverter* c) const { gst_video_converter_free(c); }
  void operator()(char* text) const { g_free(text); }
};

// Owns one reference of a T, or the memory of a GLib string (GstPtr<char>).
template <typename T>
using GstPtr = std::unique_ptr<T, Unref>;

// A buffer's bytes for reading, for as long as this lives.
class ReadMap {
 public:
  explicit ReadMap(GstBuffer* buffer)
      : buffer_(buffer), ok_(gst_buffer_map(buffer, &info_, GST_MAP_READ)) {}
  ~ReadMap() {
    if (ok_) gst_buffer_unmap(buffer_, &info_);
  }
  ReadMap(const ReadMap&) = delete;
  ReadMap& operator=(const ReadMap&) = delete;

  bool ok() const { return ok_; }
  const void* data() const { return info_.data; }
  size_t size() const { return info_.size; }

 private:
  GstBuffer* buffer_;
  GstMapInfo info_ = {};
  bool ok_;
};

// A picture's planes for writing, strides as the buffer's VideoMeta says.
class FrameMap {
 public:
  FrameMap(const GstVideoInfo* info, GstBuffer* buffer)
      : ok_(gst_video_frame_map(&frame_, info, buffer, GST_MAP_WRITE)) {}
  ~FrameMap() {
    if (ok_) gst_video_frame_unmap(&frame_);
  }
  FrameMap(const FrameMap&) = delete;
  FrameMap& operator=(const FrameMap&) = delete;

  bool ok() const { return ok_; }
  GstVideoFrame* frame() { return &frame_; }

 private:
  GstVideoFrame frame_ = {};
  bool ok_;
};

}  // namespace taegst
