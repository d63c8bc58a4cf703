#include "taedecode/sign.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "taedecode/output_format.h"
#include "taedecode/sign_font.h"

namespace taegst {
namespace {

constexpr int kAdvance = Glyph::kWidth + 1;
constexpr int kLeading = Glyph::kHeight + 2;
constexpr int kColumns = 44;  // letters in a line, where there is room
constexpr uint8_t kPaper = 96;
constexpr uint8_t kInk = 240;

void DrawLetter(const Glyph& glyph, int left, int top, int dot,
                GstVideoFrame* frame) {
  const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0);
  auto* pixels = static_cast<uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(frame, 0));
  for (int y = 0; y < Glyph::kHeight * dot; ++y)
    for (int x = 0; x < Glyph::kWidth * dot; ++x)
      if (glyph.At(x / dot, y / dot))
        pixels[ptrdiff_t(top + y) * stride + left + x] = kInk;
}

// On GRAY8, in the middle.
void DrawText(const std::string& text, GstVideoFrame* frame) {
  const int width = GST_VIDEO_FRAME_WIDTH(frame);
  const int height = GST_VIDEO_FRAME_HEIGHT(frame);
  auto* pixels = static_cast<uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(frame, 0));
  for (int y = 0; y < height; ++y)
    std::fill_n(pixels + ptrdiff_t(y) * GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0),
                width, kPaper);
  const int dot = std::max(1, width / (kColumns * kAdvance));
  const int columns = width / (kAdvance * dot) - 1;
  const int rows = height / (kLeading * dot);
  const auto lines = BreakLines(text, columns, rows);
  int top = (height - static_cast<int>(lines.size()) * kLeading * dot) / 2;
  for (const std::string& line : lines) {
    int left = kAdvance * dot / 2;
    for (const char letter : line) {
      DrawLetter(GlyphOf(letter), left, top, dot, frame);
      left += kAdvance * dot;
    }
    top += kLeading * dot;
  }
}

}  // namespace

std::vector<std::string> BreakLines(std::string_view text, int columns,
                                    int rows) {
  std::vector<std::string> lines;
  if (columns < 1 || rows < 1) return lines;
  const auto most = static_cast<size_t>(columns);
  while (!text.empty() && lines.size() < static_cast<size_t>(rows)) {
    size_t length = std::min(most, text.size());
    if (length < text.size()) {
      const size_t space = text.substr(0, length + 1).rfind(' ');
      if (space != text.npos && space > 0) length = space;
    }
    lines.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  if (!text.empty()) {
    std::string& last = lines.back();
    last.resize(std::min(last.size(), most - std::min<size_t>(most, 3)));
    last += std::string("...").substr(0, most);
  }
  return lines;
}

tae::Status Sign::Prepare(const std::string& text, const GstVideoInfo& shown) {
  picture_.reset();
  gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_GRAY8, guint(shown.width),
                            guint(shown.height));
  SetColorimetry(&info_);
  info_.fps_n = shown.fps_n;  // the converter wants them equal
  info_.fps_d = shown.fps_d;
  converter_.reset(gst_video_converter_new(&info_, &shown, nullptr));
  if (converter_ == nullptr)
    return tae::Unsupported(
        std::string("GStreamer cannot convert to ") +
        gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&shown)));
  GstPtr<GstBuffer> picture(
      gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info_), nullptr));
  if (picture == nullptr) return tae::OutOfMemory("no memory for a picture");
  FrameMap map(&info_, picture.get());
  if (!map.ok()) return tae::OutOfMemory("no memory for a picture");
  DrawText(text, map.frame());
  picture_ = std::move(picture);
  text_ = text;
  shown_ = shown;
  return {};
}

tae::Status Sign::Draw(const std::string& text, GstVideoFrame* frame) {
  // The map's strides are those of the buffer, not of the caps.
  const GstVideoInfo& info = frame->info;
  const bool same = picture_ != nullptr && text == text_ &&
                    info.width == shown_.width &&
                    info.height == shown_.height && info.finfo == shown_.finfo;
  if (!same) TAE_RETURN_IF_ERROR(Prepare(text, info));
  FrameMap drawn(&info_, picture_.get());
  if (!drawn.ok()) return tae::OutOfMemory("no memory for a picture");
  gst_video_converter_frame(converter_.get(), drawn.frame(), frame);
  return {};
}

}  // namespace taegst
