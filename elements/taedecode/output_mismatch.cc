#include "taedecode/output_mismatch.h"

#include "taedecode/output_format.h"

namespace taegst {
namespace {

constexpr size_t kMostCaps = 300;  // characters of downstream's caps

std::string SizeText(const std::vector<OutputSize>& sizes) {
  std::string text;
  for (const OutputSize& size : sizes)
    text += (text.empty() ? "" : " or ") + std::to_string(size.width) + "x" +
            std::to_string(size.height);
  return text;
}

std::string RateText(const GstVideoInfo& input) {
  return input.fps_n == 0 ? "at no fixed rate (framerate=0/1)"
                          : "at framerate=" + std::to_string(input.fps_n) +
                                "/" + std::to_string(input.fps_d);
}

std::string CapsText(const GstCaps* caps) {
  const GstPtr<char> text(gst_caps_to_string(caps));
  const std::string all = text.get();
  return all.size() <= kMostCaps ? all : all.substr(0, kMostCaps) + "...";
}

// Whether frames of these fields alone would be taken.
bool Takes(const GstCaps* peer, const GstPtr<GstCaps>& fields) {
  return gst_caps_can_intersect(peer, fields.get());
}

GstPtr<GstCaps> Raw() {
  return GstPtr<GstCaps>(gst_caps_new_empty_simple("video/x-raw"));
}

bool TakesASize(const GstCaps* peer, const std::vector<OutputSize>& sizes) {
  for (const OutputSize& size : sizes) {
    const GstPtr<GstCaps> caps = Raw();
    gst_caps_set_simple(caps.get(), "width", G_TYPE_INT, size.width, "height",
                        G_TYPE_INT, size.height, nullptr);
    if (Takes(peer, caps)) return true;
  }
  return false;
}

bool TakesTheRate(const GstCaps* peer, const GstVideoInfo& input) {
  const GstPtr<GstCaps> caps = Raw();
  gst_caps_set_simple(caps.get(), "framerate", GST_TYPE_FRACTION, input.fps_n,
                      input.fps_d, nullptr);
  return Takes(peer, caps);
}

bool TakesTheColour(const GstCaps* peer) {
  for (const char* colorimetry : {"sRGB", "bt709"}) {
    const GstPtr<GstCaps> caps = Raw();
    gst_caps_set_simple(caps.get(), "colorimetry", G_TYPE_STRING, colorimetry,
                        nullptr);
    if (Takes(peer, caps)) return true;
  }
  return false;
}

}  // namespace

std::string DescribeMismatch(const GstCaps* peer,
                             const std::vector<OutputSize>& sizes,
                             const GstVideoInfo& input) {
  if (gst_caps_is_empty(peer))
    return "what follows taedecode takes no frames at all: its elements or its "
           "caps filters contradict each other";
  std::string helps;
  const auto add = [&](const char* element) {
    helps += (helps.empty() ? "" : " ! ") + std::string(element);
  };
  if (!TakesASize(peer, sizes)) add("videoscale");
  if (!TakesTheRate(peer, input)) add("videorate");
  if (!TakesTheColour(peer) || helps.empty()) add("videoconvert");
  return "taedecode offers pictures of " + SizeText(sizes) + " " +
         RateText(input) +
         ", RGB of colorimetry=sRGB or YUV of colorimetry=bt709, but what "
         "follows it takes only " +
         CapsText(peer) + "; put " + helps + " between";
}

}  // namespace taegst
