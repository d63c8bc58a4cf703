#include "common/latent_meta.h"

#include <cmath>
#include <mutex>
#include <utility>

namespace taegst {
namespace {

constexpr char kName[] = "latent-step";
constexpr char kReferenceName[] = "timestamp/x-latent-step";

// Programs that set the fields have integers and floats of other types than
// ours: any number is taken.
std::optional<double> RealField(const GstStructure* s, const char* name) {
  const GValue* value = gst_structure_get_value(s, name);
  if (value == nullptr || G_VALUE_HOLDS_STRING(value) ||
      G_VALUE_HOLDS_BOOLEAN(value))
    return std::nullopt;
  GValue real = G_VALUE_INIT;
  g_value_init(&real, G_TYPE_DOUBLE);
  if (!g_value_transform(value, &real)) return std::nullopt;
  return g_value_get_double(&real);
}

// A whole number from 0 to `most`; of 64 bits without loss.
std::optional<guint64> WholeField(const GstStructure* s, const char* name,
                                  guint64 most) {
  const GValue* value = gst_structure_get_value(s, name);
  const std::optional<double> real = RealField(s, name);
  if (!real || !(*real >= 0) || *real != std::floor(*real)) return std::nullopt;
  guint64 number = 0;
  if (G_VALUE_HOLDS_DOUBLE(value) || G_VALUE_HOLDS_FLOAT(value)) {
    if (*real >= 18446744073709551616.0) return std::nullopt;  // 2^64
    number = static_cast<guint64>(*real);
  } else {
    GValue whole = G_VALUE_INIT;
    g_value_init(&whole, G_TYPE_UINT64);
    if (!g_value_transform(value, &whole)) return std::nullopt;
    number = g_value_get_uint64(&whole);
  }
  if (number > most) return std::nullopt;
  return number;
}

std::optional<guint> CountField(const GstStructure* s, const char* name) {
  const auto number = WholeField(s, name, G_MAXUINT);
  if (!number) return std::nullopt;
  return static_cast<guint>(*number);
}

// True, or a number that is not 0.
bool FlagField(const GstStructure* s, const char* name) {
  gboolean flag = FALSE;
  if (gst_structure_get_boolean(s, name, &flag)) return flag != FALSE;
  return RealField(s, name).value_or(0) != 0;
}

// A list of strings (G_TYPE_STRV).
std::vector<std::string> ListField(const GstStructure* s, const char* name) {
  const GValue* value = gst_structure_get_value(s, name);
  std::vector<std::string> list;
  if (value == nullptr || !G_VALUE_HOLDS(value, G_TYPE_STRV)) return list;
  const auto* texts = static_cast<const char* const*>(g_value_get_boxed(value));
  for (; texts != nullptr && *texts != nullptr; ++texts) list.push_back(*texts);
  return list;
}

void SetList(GstStructure* s, const char* name,
             const std::vector<std::string>& list) {
  std::vector<const char*> texts;
  texts.reserve(list.size() + 1);
  for (const std::string& text : list) texts.push_back(text.c_str());
  texts.push_back(nullptr);
  gst_structure_set(s, name, G_TYPE_STRV, texts.data(), nullptr);
}

std::string TextField(const GstStructure* s, const char* name) {
  const char* text = gst_structure_get_string(s, name);
  return text != nullptr ? text : "";
}

// The fields of the meta, or of a reference timestamp of that name; null where
// the buffer has neither.
const GstStructure* StructureOf(GstBuffer* buffer) {
  if (GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kName))
    return gst_custom_meta_get_structure(meta);
  gpointer state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(
             buffer, &state, GST_REFERENCE_TIMESTAMP_META_API_TYPE)) {
    GstCaps* caps =
        reinterpret_cast<GstReferenceTimestampMeta*>(meta)->reference;
    if (caps == nullptr || gst_caps_get_size(caps) == 0) continue;
    const GstStructure* s = gst_caps_get_structure(caps, 0);
    if (gst_structure_has_name(s, kReferenceName)) return s;
  }
  return nullptr;
}

}  // namespace

void RegisterLatentStepMeta() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (gst_meta_get_info(kName) != nullptr) return;
    static const gchar* no_tags[] = {nullptr};
    gst_meta_register_custom(kName, no_tags, nullptr, nullptr, nullptr);
  });
}

void AddStepFields(GstStructure* s, const LatentStep& step) {
  if (step.step) gst_structure_set(s, "step", G_TYPE_UINT, *step.step, nullptr);
  if (step.total_steps)
    gst_structure_set(s, "total-steps", G_TYPE_UINT, *step.total_steps,
                      nullptr);
  if (step.between)
    gst_structure_set(s, "between", G_TYPE_DOUBLE, *step.between, nullptr);
  if (step.sigma)
    gst_structure_set(s, "sigma", G_TYPE_DOUBLE, *step.sigma, nullptr);
  if (step.sigma_next)
    gst_structure_set(s, "sigma-next", G_TYPE_DOUBLE, *step.sigma_next,
                      nullptr);
  if (step.timestep)
    gst_structure_set(s, "timestep", G_TYPE_DOUBLE, *step.timestep, nullptr);
  gst_structure_set(s, "final", G_TYPE_BOOLEAN, step.final, nullptr);
  if (!step.prompt_id.empty())
    gst_structure_set(s, "prompt-id", G_TYPE_STRING, step.prompt_id.c_str(),
                      nullptr);
  if (step.seed)
    gst_structure_set(s, "seed", G_TYPE_UINT64, *step.seed, nullptr);
  if (!step.rung.empty())
    gst_structure_set(s, "rung", G_TYPE_STRING, step.rung.c_str(), nullptr);
  if (!step.extra.empty()) SetList(s, "extra", step.extra);
}

void SetLatentStep(GstBuffer* buffer, const LatentStep& step) {
  RegisterLatentStepMeta();
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kName);
  if (meta == nullptr) meta = gst_buffer_add_custom_meta(buffer, kName);
  GstStructure* s = gst_custom_meta_get_structure(meta);
  gst_structure_remove_all_fields(s);
  AddStepFields(s, step);
}

std::optional<LatentStep> GetLatentStep(GstBuffer* buffer) {
  RegisterLatentStepMeta();
  const GstStructure* s = StructureOf(buffer);
  if (s == nullptr) return std::nullopt;
  return LatentStep{.step = CountField(s, "step"),
                    .total_steps = CountField(s, "total-steps"),
                    .between = RealField(s, "between"),
                    .sigma = RealField(s, "sigma"),
                    .sigma_next = RealField(s, "sigma-next"),
                    .timestep = RealField(s, "timestep"),
                    .final = FlagField(s, "final"),
                    .prompt_id = TextField(s, "prompt-id"),
                    .seed = WholeField(s, "seed", G_MAXUINT64),
                    .rung = TextField(s, "rung"),
                    .extra = ListField(s, "extra")};
}

}  // namespace taegst
