#include "latentparse/typefind.h"

#include <algorithm>
#include <string_view>

#include "common/gst_ptr.h"

namespace taegst {
namespace {

constexpr guint64 kMaxHeader = 100 << 20;  // as the format's own reader has it
constexpr guint kPeek = 1024;  // bytes of the header that are looked at

void FindSafetensors(GstTypeFind* find, gpointer) {
  const guint8* start = gst_type_find_peek(find, 0, 10);
  if (start == nullptr || start[8] != '{') return;
  const guint64 length = GST_READ_UINT64_LE(start);
  if (length < 2 || length > kMaxHeader) return;
  const guint size = guint(std::min<guint64>(length, kPeek));
  const guint8* header = gst_type_find_peek(find, 8, size);
  if (header == nullptr) return;
  const std::string_view text(reinterpret_cast<const char*>(header), size);
  const bool sure = text.find("\"dtype\"") != text.npos ||
                    text.find("\"__metadata__\"") != text.npos;
  gst_type_find_suggest_empty_simple(
      find, sure ? GST_TYPE_FIND_MAXIMUM : GST_TYPE_FIND_POSSIBLE,
      "application/x-safetensors");
}

void FindNpy(GstTypeFind* find, gpointer) {
  const guint8* start = gst_type_find_peek(find, 0, 8);
  if (start == nullptr || start[6] < 1 || start[6] > 3) return;
  if (std::string_view(reinterpret_cast<const char*>(start), 6) == "\x93NUMPY")
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
