#include "common/latent_meta.h"

#include <mutex>
#include <utility>

namespace taegst {
namespace {

constexpr char kName[] = "latent-step";

template <typename T, typename Getter>
std::optional<T> Field(const GstStructure* s, const char* name, Getter get) {
  T value{};
  if (!get(s, name, &value)) return std::nullopt;
  return value;
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
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kName);
  if (meta == nullptr) return std::nullopt;
  const GstStructure* s = gst_custom_meta_get_structure(meta);
  gboolean final = FALSE;
  gst_structure_get_boolean(s, "final", &final);
  return LatentStep{
      .step = Field<guint>(s, "step", gst_structure_get_uint),
      .total_steps = Field<guint>(s, "total-steps", gst_structure_get_uint),
      .between = Field<double>(s, "between", gst_structure_get_double),
      .sigma = Field<double>(s, "sigma", gst_structure_get_double),
      .sigma_next = Field<double>(s, "sigma-next", gst_structure_get_double),
      .timestep = Field<double>(s, "timestep", gst_structure_get_double),
      .final = final != FALSE,
      .prompt_id = TextField(s, "prompt-id"),
      .seed = Field<guint64>(s, "seed", gst_structure_get_uint64),
      .rung = TextField(s, "rung"),
      .extra = ListField(s, "extra")};
}

}  // namespace taegst
