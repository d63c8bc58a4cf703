#include "taedecode/output_format.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace taegst {
namespace {

struct Written {
  GstVideoFormat format;
  tae::PixelFormat pixel;
  bool plain;  // opaque 8-bit colour: worth taking when downstream asks first
};

// Best first.
constexpr Written kWritten[] = {
    {GST_VIDEO_FORMAT_RGBx, tae::PixelFormat::kRgbx, true},
    {GST_VIDEO_FORMAT_BGRx, tae::PixelFormat::kBgrx, true},
    {GST_VIDEO_FORMAT_xRGB, tae::PixelFormat::kXrgb, true},
    {GST_VIDEO_FORMAT_xBGR, tae::PixelFormat::kXbgr, true},
    {GST_VIDEO_FORMAT_RGB, tae::PixelFormat::kRgb, true},
    {GST_VIDEO_FORMAT_BGR, tae::PixelFormat::kBgr, true},
    {GST_VIDEO_FORMAT_RGBA, tae::PixelFormat::kRgba, false},
    {GST_VIDEO_FORMAT_BGRA, tae::PixelFormat::kBgra, false},
    {GST_VIDEO_FORMAT_ARGB, tae::PixelFormat::kArgb, false},
    {GST_VIDEO_FORMAT_ABGR, tae::PixelFormat::kAbgr, false},
    {GST_VIDEO_FORMAT_GBR, tae::PixelFormat::kGbr, true},
    {GST_VIDEO_FORMAT_RGBP, tae::PixelFormat::kRgbp, true},
    {GST_VIDEO_FORMAT_I420, tae::PixelFormat::kI420, true},
    {GST_VIDEO_FORMAT_YV12, tae::PixelFormat::kYv12, true},
    {GST_VIDEO_FORMAT_NV12, tae::PixelFormat::kNv12, true},
    {GST_VIDEO_FORMAT_YUY2, tae::PixelFormat::kYuy2, true},
    {GST_VIDEO_FORMAT_UYVY, tae::PixelFormat::kUyvy, true},
    {GST_VIDEO_FORMAT_RGBA64_LE, tae::PixelFormat::kRgba64Le, false},
    {GST_VIDEO_FORMAT_GRAY8, tae::PixelFormat::kGray8, false},
};

const Written* FindWritten(GstVideoFormat format) {
  const auto row =
      std::find_if(std::begin(kWritten), std::end(kWritten),
                   [&](const Written& w) { return w.format == format; });
  return row != std::end(kWritten) ? row : nullptr;
}

void AppendFormats(const GValue* value, std::vector<GstVideoFormat>* formats) {
  if (value == nullptr) return;
  if (GST_VALUE_HOLDS_LIST(value)) {
    for (guint i = 0; i < gst_value_list_get_size(value); ++i)
      AppendFormats(gst_value_list_get_value(value, i), formats);
  } else if (G_VALUE_HOLDS_STRING(value)) {
    const auto format = gst_video_format_from_string(g_value_get_string(value));
    if (format > GST_VIDEO_FORMAT_ENCODED) formats->push_back(format);
  }
}

// In downstream's order.
std::vector<GstVideoFormat> AllowedFormats(const GstCaps* allowed,
                                           const OutputSize& size) {
  GstPtr<GstCaps> ours = OutputCaps();
  gst_caps_set_simple(ours.get(), "width", G_TYPE_INT, size.width, "height",
                      G_TYPE_INT, size.height, nullptr);
  const GstPtr<GstCaps> both(gst_caps_intersect_full(
      const_cast<GstCaps*>(allowed), ours.get(), GST_CAPS_INTERSECT_FIRST));
  std::vector<GstVideoFormat> formats;
  for (guint i = 0; i < gst_caps_get_size(both.get()); ++i)
    AppendFormats(gst_structure_get_value(gst_caps_get_structure(both.get(), i),
                                          "format"),
                  &formats);
  return formats;
}

// The library's chroma kernels work on pairs of pixels, of each cell.
bool IsWritable(GstVideoFormat format, const OutputSize& size) {
  return HasWholeCells(format, size.cell_width(), size.cell_height());
}

OutputFormat Direct(const Written& row) {
  return {row.format, row.format, row.pixel};
}

// Where pixel (x, y) lies in a plane; both even where the format shares chroma.
uint8_t* PlaneAt(GstVideoFrame* frame, guint plane, int x, int y) {
  const GstVideoFormatInfo* format = frame->info.finfo;
  guint component = 0;
  while (format->plane[component] != plane) ++component;
  const int column = x >> GST_VIDEO_FORMAT_INFO_W_SUB(format, component);
  const int row = y >> GST_VIDEO_FORMAT_INFO_H_SUB(format, component);
  return static_cast<uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(frame, plane)) +
         ptrdiff_t(row) * GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane) +
         ptrdiff_t(column) * GST_VIDEO_FORMAT_INFO_PSTRIDE(format, component);
}

// Black pixels in the format that frames of `info` are packed from: AYUV, ARGB,
// or ARGB of 16 bits.
std::vector<uint8_t> BlackLine(const GstVideoInfo& info, int width) {
  const GstVideoFormatInfo* unpacked =
      gst_video_format_get_info(info.finfo->unpack_format);
  const bool deep = GST_VIDEO_FORMAT_INFO_DEPTH(unpacked, 0) > 8;
  std::vector<uint8_t> line;
  for (int x = 0; x < width; ++x) {
    if (GST_VIDEO_FORMAT_INFO_IS_YUV(unpacked)) {
      const uint8_t luma = GST_VIDEO_INFO_IS_GRAY(&info) ? 0 : 16;
      line.insert(line.end(), {255, luma, 128, 128});
    } else if (deep) {
      line.insert(line.end(), {255, 255, 0, 0, 0, 0, 0, 0});
    } else {
      line.insert(line.end(), {255, 0, 0, 0});
    }
  }
  return line;
}

}  // namespace

bool HasWholeCells(GstVideoFormat format, int cell_width, int cell_height) {
  if (FindWritten(format) == nullptr) return false;
  const GstVideoFormatInfo* info = gst_video_format_get_info(format);
  const bool even_x =
      cell_width % 2 == 0 || GST_VIDEO_FORMAT_INFO_W_SUB(info, 1) == 0;
  const bool even_y =
      cell_height % 2 == 0 || GST_VIDEO_FORMAT_INFO_H_SUB(info, 1) == 0;
  return !GST_VIDEO_FORMAT_INFO_IS_YUV(info) || (even_x && even_y);
}

GstVideoFrame CutCell(GstVideoFrame* frame, const GridShape& grid, int cell) {
  GstVideoFrame cut = *frame;
  cut.info.width /= grid.columns;
  cut.info.height /= grid.rows;
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(frame); ++i)
    cut.data[i] = PlaneAt(frame, i, cell % grid.columns * cut.info.width,
                          cell / grid.columns * cut.info.height);
  return cut;
}

GstPtr<GstCaps> OutputCaps() {
  GValue formats = G_VALUE_INIT;
  g_value_init(&formats, GST_TYPE_LIST);
  for (const Written& row : kWritten) {
    GValue name = G_VALUE_INIT;
    g_value_init(&name, G_TYPE_STRING);
    g_value_set_static_string(&name, gst_video_format_to_string(row.format));
    gst_value_list_append_and_take_value(&formats, &name);
  }
  GstCaps* caps = gst_caps_from_string(GST_VIDEO_CAPS_MAKE(
      "RGB") "; " GST_VIDEO_CAPS_MAKE(GST_VIDEO_FORMATS_ALL));
  gst_structure_take_value(gst_caps_get_structure(caps, 0), "format", &formats);
  return GstPtr<GstCaps>(caps);
}

GstVideoInfo ShownInfo(GstVideoFormat format, const OutputSize& size,
                       const GstVideoInfo& input) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, format, guint(size.width),
                            guint(size.height));
  info.fps_n = input.fps_n;
  info.fps_d = input.fps_d;
  info.par_n = input.par_n;
  info.par_d = input.par_d;
  SetColorimetry(&info);
  return info;
}

std::optional<OutputFormat> PickOutput(const GstCaps* allowed,
                                       const OutputSize& size,
                                       const GstVideoInfo& input) {
  std::vector<GstVideoFormat> formats = AllowedFormats(allowed, size);
  std::erase_if(formats, [&](GstVideoFormat format) {
    const GstVideoInfo info = ShownInfo(format, size, input);
    const GstPtr<GstCaps> caps(gst_video_info_to_caps(&info));
    return caps == nullptr || !gst_caps_can_intersect(caps.get(), allowed);
  });
  if (formats.empty()) return std::nullopt;
  const Written* first = FindWritten(formats.front());
  if (first != nullptr && first->plain && IsWritable(first->format, size))
    return Direct(*first);
  for (const Written& row : kWritten)
    if (IsWritable(row.format, size) &&
        std::find(formats.begin(), formats.end(), row.format) != formats.end())
      return Direct(row);
  return ByWayOfRgb(formats.front());
}

OutputFormat ByWayOfRgb(GstVideoFormat shown) {
  const GstVideoFormatInfo* info = gst_video_format_get_info(shown);
  const bool deep = GST_VIDEO_FORMAT_INFO_DEPTH(info, 0) > 8;
  const Written* row =
      FindWritten(deep ? GST_VIDEO_FORMAT_RGBA64_LE : GST_VIDEO_FORMAT_RGBx);
  return {shown, row->format, row->pixel};
}

void SetColorimetry(GstVideoInfo* info) {
  GstVideoColorimetry& color = info->colorimetry;
  if (GST_VIDEO_INFO_IS_RGB(info)) {
    gst_video_colorimetry_from_string(&color, GST_VIDEO_COLORIMETRY_SRGB);
    return;
  }
  gst_video_colorimetry_from_string(&color, GST_VIDEO_COLORIMETRY_BT709);
  if (GST_VIDEO_INFO_IS_GRAY(info)) {
    color.range = GST_VIDEO_COLOR_RANGE_0_255;
  } else if (GST_VIDEO_FORMAT_INFO_W_SUB(info->finfo, 1) > 0) {
    info->chroma_site = GST_VIDEO_CHROMA_SITE_MPEG2;
  }
}

tae::FrameView ViewOf(GstVideoFrame* frame, tae::PixelFormat pixel) {
  tae::FrameView view{.format = pixel,
                      .width = GST_VIDEO_FRAME_WIDTH(frame),
                      .height = GST_VIDEO_FRAME_HEIGHT(frame)};
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(frame); ++i) {
    view.plane[i] = GST_VIDEO_FRAME_PLANE_DATA(frame, i);
    view.stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(frame, i);
  }
  return view;
}

tae::FrameView CellOf(GstVideoFrame* frame, tae::PixelFormat pixel,
                      const GridShape& grid, int cell) {
  GstVideoFrame cut = CutCell(frame, grid, cell);
  return ViewOf(&cut, pixel);
}

void BlackenCell(GstVideoFrame* frame, const GridShape& grid, int cell) {
  const GstVideoFormatInfo* format = frame->info.finfo;
  GstVideoFrame cut = CutCell(frame, grid, cell);
  const int width = GST_VIDEO_FRAME_WIDTH(&cut);
  std::vector<uint8_t> black = BlackLine(frame->info, width);
  for (int y = 0; y < GST_VIDEO_FRAME_HEIGHT(&cut); y += format->pack_lines)
    format->pack_func(format, GST_VIDEO_PACK_FLAG_NONE, black.data(), 0,
                      cut.data, cut.info.stride, cut.info.chroma_site, y,
                      width);
}

}  // namespace taegst
