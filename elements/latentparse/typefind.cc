#include "latentparse/typefind.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/gst_ptr.h"

namespace taegst {
namespace {

constexpr guint64 kMaxHeader = 100 << 20;  // as the format's own reader has it
constexpr guint kPeek = 1024;  // bytes of the header that are looked at
// V2 is how bfloat16 is stored.
constexpr std::array<std::string_view, 6> kNumbers = {"'<f2'", "'<f4'", "'<f8'",
                                                      "'|V2'", "'<V2'", "'V2'"};

void SkipSpace(std::string_view* text) {
  while (!text->empty() && std::string_view(" \t\r\n").find(text->front()) !=
                               std::string_view::npos)
    text->remove_prefix(1);
}

bool Skip(std::string_view* text, char c) {
  SkipSpace(text);
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

// Whether the header begins as all of them do: {"name": {
bool BeginsLikeAHeader(std::string_view text) {
  if (!Skip(&text, '{') || !Skip(&text, '"')) return false;
  size_t end = 0;
  for (; end < text.size() && text[end] != '"'; ++end) {
    if (static_cast<unsigned char>(text[end]) < ' ') return false;
    if (text[end] == '\\') ++end;
  }
  if (end >= text.size()) return false;
  text.remove_prefix(end + 1);
  return Skip(&text, ':') && Skip(&text, '{');
}

void FindSafetensors(GstTypeFind* find, gpointer) {
  const guint8* start = gst_type_find_peek(find, 0, 10);
  if (start == nullptr || start[8] != '{') return;
  const guint64 length = GST_READ_UINT64_LE(start);
  if (length < 2 || length > kMaxHeader) return;
  const guint64 total = gst_type_find_get_length(find);
  if (total > 0 && length > total - 8) return;
  const guint size = guint(std::min<guint64>(length, kPeek));
  const guint8* header = gst_type_find_peek(find, 8, size);
  if (header == nullptr) return;
  const std::string_view text(reinterpret_cast<const char*>(header), size);
  if (!BeginsLikeAHeader(text)) return;
  const bool sure = text.find("\"dtype\"") != text.npos ||
                    text.find("\"__metadata__\"") != text.npos;
  gst_type_find_suggest_empty_simple(
      find, sure ? GST_TYPE_FIND_MAXIMUM : GST_TYPE_FIND_POSSIBLE,
      "application/x-safetensors");
}

// Whether an array's description is that of latents: numbers of 16 bits and
// more with a point, in three dimensions or more. Audio and labels have less.
bool DescribesLatents(std::string_view text) {
  const size_t type = text.find("'descr'"), shape = text.find("'shape'");
  if (type == text.npos || shape == text.npos) return false;
  const std::string_view descr = text.substr(type, text.find(',', type) - type);
  const bool numbers = std::any_of(
      kNumbers.begin(), kNumbers.end(),
      [&](std::string_view name) { return descr.find(name) != descr.npos; });
  const std::string_view dims =
      text.substr(shape, text.find(')', shape) - shape);
  std::string_view list = dims.substr(std::min(dims.find('('), dims.size()));
  // A comma may stand after the last one.
  while (!list.empty() && (list.back() == ',' || list.back() == ' '))
    list.remove_suffix(1);
  return numbers && std::count(list.begin(), list.end(), ',') >= 2;
}

void FindNpy(GstTypeFind* find, gpointer) {
  const guint8* start = gst_type_find_peek(find, 0, 12);
  if (start == nullptr || start[6] < 1 || start[6] > 3 ||
      std::string_view(reinterpret_cast<const char*>(start), 6) != "\x93NUMPY")
    return;
  const bool wide = start[6] > 1;  // the length of what follows
  const guint begin = wide ? 12 : 10;
  const guint length =
      wide ? GST_READ_UINT32_LE(start + 8) : GST_READ_UINT16_LE(start + 8);
  const guint size = std::min(length, kPeek);
  const guint8* header = gst_type_find_peek(find, begin, size);
  if (header != nullptr &&
      DescribesLatents({reinterpret_cast<const char*>(header), size}))
    gst_type_find_suggest_empty_simple(find, GST_TYPE_FIND_MAXIMUM,
                                       "application/x-npy");
}

gboolean Register(GstPlugin* plugin, const char* type,
                  GstTypeFindFunction function, const char* extensions) {
  const GstPtr<GstCaps> caps(gst_caps_new_empty_simple(type));
  return gst_type_find_register(plugin, type, GST_RANK_PRIMARY, function,
                                extensions, caps.get(), nullptr, nullptr);
}

}  // namespace

gboolean RegisterTypefinders(GstPlugin* plugin) {
  return Register(plugin, "application/x-safetensors", FindSafetensors,
                  "safetensors,latent") &&
         Register(plugin, "application/x-npy", FindNpy, "npy");
}

}  // namespace taegst
