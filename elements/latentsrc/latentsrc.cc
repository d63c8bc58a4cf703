/**
 * SECTION:element-latentsrc
 * @title: latentsrc
 * @short_description: Latents of a demo generation, or of files
 *
 * Without #GstLatentSrc:location, a generation from seeded noise to a picture,
 * then the next one, for ever. With it, the latents of files.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 latentsrc ! taedecode variant=flux2 ! autovideosink
 * ]| A demo generation in a window.
 * |[
 * gst-launch-1.0 latentsrc location=steps/ ! taedecode ! autovideosink
 * ]| The latents of a folder.
 *
 * Since: 0.1
 */
#include "latentsrc/latentsrc.h"

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/guard.h"
#include "common/latent_caps.h"
#include "common/latent_meta.h"
#include "common/status_gst.h"
#include "common/variant_enum.h"
#include "latentsrc/demo_latent.h"
#include "latentsrc/demo_run.h"
#include "latentsrc/latent_files.h"
#include "tae/latent_stream.h"
#include "tae/variant.h"

GST_DEBUG_CATEGORY_STATIC(gst_latent_src_debug);
#define GST_CAT_DEFAULT gst_latent_src_debug

namespace {

constexpr int kDefaultSide = 512;  // pixels
constexpr int kDefaultSteps = 28;
constexpr guint64 kDefaultStepTime = 100 * GST_MSECOND;

struct Settings {
  std::string location;
  bool continue_on_error = false;
  bool noisy = false;
  int variant = taegst::kVariantAuto;
  int width = kDefaultSide;
  int height = kDefaultSide;
  int steps = kDefaultSteps;
  guint64 step_time = kDefaultStepTime;
  guint64 seed = 0;
};

// Between start and stop; the streaming thread's own.
struct State {
  Settings settings;
  guint64 frame = 0;
  taegst::LatentInfo info;  // of the negotiated caps
  taegst::DemoRun run;
  std::optional<guint64> generation;  // that `run` holds
  std::vector<tae::LatentMessage> messages;
};

struct Private {
  std::mutex mutex;
  Settings settings;
  State state;
};

}  // namespace

struct _GstLatentSrc {
  GstPushSrc parent;
  Private* priv;
};

G_DEFINE_TYPE(GstLatentSrc, gst_latent_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE(latentsrc, "latentsrc", GST_RANK_NONE,
                            GST_TYPE_LATENT_SRC)

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(TAE_LATENT_CAPS "; " TAE_TENSORS_CAPS));

enum {
  kPropLocation = 1,
  kPropContinue,
  kPropPred,
  kPropVariant,
  kPropWidth,
  kPropHeight,
  kPropSteps,
  kPropStepTime,
  kPropSeed,
  kPropIsLive,
};

// Steps of a generation and a hold of its last picture.
static guint64 frames_a_generation(const Settings& settings) {
  return guint64(settings.steps) + guint64(settings.steps + 3) / 4;
}

static taegst::LatentInfo demo_info(const Settings& settings,
                                    const tae::VariantInfo& variant) {
  taegst::LatentInfo info;
  info.variant = variant.name;
  info.channels = variant.latent_channels;
  info.noisy = settings.noisy;
  info.extent = {std::max(1, settings.height / variant.pixels_per_latent),
                 std::max(1, settings.width / variant.pixels_per_latent)};
  info.width = info.extent.width * variant.pixels_per_latent;
  info.height = info.extent.height * variant.pixels_per_latent;
  info.fps_n = int(GST_SECOND / 1000000);
  info.fps_d = int(std::max<guint64>(1, settings.step_time / 1000000));
  return info;
}

// The first of our formats that downstream takes; null when none.
static taegst::GstPtr<GstCaps> choose_caps(taegst::LatentInfo* info,
                                           GstCaps* allowed, bool tensors) {
  for (tae::DType dtype :
       {tae::DType::kF16, tae::DType::kBF16, tae::DType::kF32}) {
    info->dtype = dtype;
    taegst::GstPtr<GstCaps> caps;
    if (!tensors) {
      caps = taegst::LatentInfoToCaps(*info);
    } else {
      tae::StatusOr<taegst::GstPtr<GstCaps>> made =
          taegst::LatentInfoToTensorsCaps(*info);
      if (made.ok()) caps = *std::move(made);
    }
    if (caps && gst_caps_can_intersect(caps.get(), allowed)) return caps;
  }
  return nullptr;
}

// The spaces to try: the one set, else flux2, whose pictures are drawn, first.
static std::vector<const tae::VariantInfo*> spaces_to_try(int set) {
  const std::string_view wanted = taegst::VariantName(set);
  if (!wanted.empty()) return {tae::FindVariant(wanted)};
  std::vector<const tae::VariantInfo*> spaces = {tae::FindVariant("flux2")};
  for (const tae::VariantInfo& space : tae::Variants())
    spaces.push_back(&space);
  return spaces;
}

// Tensors come last: their caps fit every space, and so say nothing.
static gboolean negotiate_demo(GstLatentSrc* self, State* state) {
  taegst::GstPtr<GstCaps> allowed(
      gst_pad_get_allowed_caps(GST_BASE_SRC_PAD(self)));
  if (!allowed)
    allowed.reset(gst_pad_get_pad_template_caps(GST_BASE_SRC_PAD(self)));
  for (const bool tensors : {false, true})
    for (const tae::VariantInfo* space :
         spaces_to_try(state->settings.variant)) {
      taegst::LatentInfo info = demo_info(state->settings, *space);
      taegst::GstPtr<GstCaps> caps = choose_caps(&info, allowed.get(), tensors);
      if (!caps || !taegst::DemoLatent(space->name, 0, {1, 1}).ok()) continue;
      state->info = info;
      state->generation.reset();
      return gst_base_src_set_caps(GST_BASE_SRC(self), caps.get());
    }
  return FALSE;
}

static gboolean gst_latent_src_negotiate(GstBaseSrc* base) {
  auto* self = GST_LATENT_SRC(base);
  return taegst::Guard(GST_ELEMENT(self), gboolean(FALSE), [&]() -> gboolean {
    State* state = &self->priv->state;
    if (!state->messages.empty()) return TRUE;  // caps come with the latents
    return negotiate_demo(self, state);
  });
}

static GstFlowReturn fill_demo(State* state, GstBuffer** out) {
  const Settings& settings = state->settings;
  const guint64 generation = state->frame / frames_a_generation(settings);
  const guint64 shown = state->frame % frames_a_generation(settings);
  const int done = int(std::min<guint64>(shown + 1, guint64(settings.steps)));
  if (state->generation != generation) {
    tae::StatusOr<std::vector<float>> clean = taegst::DemoLatent(
        state->info.variant, unsigned(generation), state->info.extent);
    if (!clean.ok()) return GST_FLOW_NOT_NEGOTIATED;
    state->run = {*std::move(clean), state->info.extent, settings.steps,
                  settings.seed + generation, settings.noisy};
    state->generation = generation;
  }
  const std::vector<float> values = state->run.At(done);
  // Our scalars as a message of floats: the library converts to the dtype.
  tae::LatentHeader header;
  header.stored = tae::StoredType::kF32;
  header.dtype = state->info.dtype;
  header.scale = {1};
  header.payload_size = state->info.size();
  GstBuffer* buffer =
      gst_buffer_new_allocate(nullptr, header.payload_size, nullptr);
  GstMapInfo map;
  if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_WRITE))
    return GST_FLOW_ERROR;
  tae::ConvertPayload(header, values.data(), map.data);
  gst_buffer_unmap(buffer, &map);
  taegst::LatentStep step;
  step.step = guint(done - 1);
  step.total_steps = guint(settings.steps);
  step.sigma = state->run.Sigma(done);
  step.final = done == settings.steps;
  step.seed = state->run.seed;
  taegst::SetLatentStep(buffer, step);
  *out = buffer;
  return GST_FLOW_OK;
}

static taegst::LatentStep step_of(const tae::LatentDescription& said) {
  taegst::LatentStep step;
  if (said.step && *said.step > 0) step.step = guint(*said.step - 1);
  if (said.steps && *said.steps > 0) step.total_steps = guint(*said.steps);
  step.sigma = said.sigma;
  step.timestep = said.timestep;
  step.final = said.final.value_or(false);
  step.prompt_id = said.gen;
  step.seed = said.seed;
  return step;
}

static GstFlowReturn fill_message(GstLatentSrc* self, State* state,
                                  GstBuffer** out) {
  if (state->frame >= state->messages.size()) return GST_FLOW_EOS;
  const tae::LatentMessage& message = state->messages[state->frame];
  tae::StatusOr<tae::LatentView> view = message.View();
  if (!view.ok()) {
    taegst::PostError(GST_ELEMENT(self), view.status(),
                      taegst::Subject::kLatent);
    return GST_FLOW_ERROR;
  }
  taegst::LatentInfo info = demo_info(state->settings, {});
  info.width = info.height = 0;
  const std::string_view wanted = taegst::VariantName(state->settings.variant);
  const tae::VariantInfo* space = tae::FindVariant(
      wanted.empty() ? message.header.description.space : std::string(wanted));
  info.variant = space ? space->name : "";
  info.dtype = view->dtype;
  info.layout = view->layout;
  info.domain = view->domain;
  info.channels = view->channels;
  info.extent = view->extent;
  info.noisy = message.header.description.pred == "x";
  if (!(info == state->info)) {
    taegst::GstPtr<GstCaps> caps = taegst::LatentInfoToCaps(info);
    if (!gst_base_src_set_caps(GST_BASE_SRC(self), caps.get()))
      return GST_FLOW_NOT_NEGOTIATED;
    state->info = info;
  }
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, view->size, nullptr);
  gst_buffer_fill(buffer, 0, view->data, view->size);
  taegst::SetLatentStep(buffer, step_of(message.header.description));
  *out = buffer;
  return GST_FLOW_OK;
}

static GstFlowReturn gst_latent_src_create(GstPushSrc* push, GstBuffer** out) {
  auto* self = GST_LATENT_SRC(push);
  return taegst::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    State* state = &self->priv->state;
    const GstFlowReturn flow = state->messages.empty()
                                   ? fill_demo(state, out)
                                   : fill_message(self, state, out);
    if (flow != GST_FLOW_OK) return flow;
    GST_BUFFER_PTS(*out) = state->frame * state->settings.step_time;
    GST_BUFFER_DURATION(*out) = state->settings.step_time;
    GST_BUFFER_OFFSET(*out) = state->frame++;
    return flow;
  });
}

// Reads every file; a wrong one stops, or is warned about and left out.
static gboolean read_files(GstLatentSrc* self, State* state) {
  tae::StatusOr<std::vector<std::string>> files =
      taegst::ListLatentFiles(state->settings.location);
  tae::Status problem = files.ok() ? tae::Status() : files.status();
  for (size_t i = 0; files.ok() && i < files->size(); ++i) {
    tae::StatusOr<std::vector<tae::LatentMessage>> read =
        tae::ReadLatentFile((*files)[i], {});
    if (read.ok()) {
      for (tae::LatentMessage& message : *read)
        state->messages.push_back(std::move(message));
      continue;
    }
    problem = read.status();
    if (!state->settings.continue_on_error) break;
    taegst::PostWarning(
        GST_ELEMENT(self),
        taegst::GstErrorCodeOf(problem.code(), taegst::Subject::kInput),
        problem.message());
    if (!state->messages.empty() || i + 1 < files->size()) problem = {};
  }
  if (!problem.ok())
    taegst::PostError(GST_ELEMENT(self), problem, taegst::Subject::kInput);
  return problem.ok();
}

static gboolean gst_latent_src_start(GstBaseSrc* base) {
  auto* self = GST_LATENT_SRC(base);
  return taegst::Guard(GST_ELEMENT(self), gboolean(FALSE), [&]() -> gboolean {
    State* state = &self->priv->state;
    *state = {};
    {
      std::lock_guard lock(self->priv->mutex);
      state->settings = self->priv->settings;
    }
    return state->settings.location.empty() || read_files(self, state);
  });
}

static gboolean gst_latent_src_stop(GstBaseSrc* base) {
  GST_LATENT_SRC(base)->priv->state = {};
  return TRUE;
}

static gboolean gst_latent_src_is_seekable(GstBaseSrc* base) {
  return !gst_base_src_is_live(base);
}

static gboolean gst_latent_src_do_seek(GstBaseSrc* base, GstSegment* segment) {
  State* state = &GST_LATENT_SRC(base)->priv->state;
  state->frame = segment->position / state->settings.step_time;
  segment->time = segment->start;
  return TRUE;
}

static void gst_latent_src_get_times(GstBaseSrc* base, GstBuffer* buffer,
                                     GstClockTime* start, GstClockTime* end) {
  *start = *end = GST_CLOCK_TIME_NONE;
  if (!gst_base_src_is_live(base)) return;
  *start = GST_BUFFER_PTS(buffer);
  *end = *start + GST_BUFFER_DURATION(buffer);
}

static gboolean gst_latent_src_query(GstBaseSrc* base, GstQuery* query) {
  State* state = &GST_LATENT_SRC(base)->priv->state;
  if (GST_QUERY_TYPE(query) == GST_QUERY_DURATION && state->messages.size()) {
    GstFormat format;
    gst_query_parse_duration(query, &format, nullptr);
    if (format != GST_FORMAT_TIME) return FALSE;
    gst_query_set_duration(
        query, format,
        gint64(state->messages.size() * state->settings.step_time));
    return TRUE;
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) {
    gst_query_set_latency(query, gst_base_src_is_live(base), 0,
                          GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_BASE_SRC_CLASS(gst_latent_src_parent_class)->query(base, query);
}

static void gst_latent_src_set_property(GObject* object, guint id,
                                        const GValue* value,
                                        GParamSpec* pspec) {
  auto* self = GST_LATENT_SRC(object);
  if (id == kPropIsLive) {
    gst_base_src_set_live(GST_BASE_SRC(self), g_value_get_boolean(value));
    return;
  }
  std::lock_guard lock(self->priv->mutex);
  Settings* settings = &self->priv->settings;
  switch (id) {
    case kPropLocation: {
      const char* text = g_value_get_string(value);
      settings->location = text ? text : "";
      break;
    }
    case kPropContinue:
      settings->continue_on_error = g_value_get_boolean(value);
      break;
    case kPropPred:
      settings->noisy = g_value_get_boolean(value);
      break;
    case kPropVariant:
      settings->variant = g_value_get_enum(value);
      break;
    case kPropWidth:
      settings->width = g_value_get_int(value);
      break;
    case kPropHeight:
      settings->height = g_value_get_int(value);
      break;
    case kPropSteps:
      settings->steps = g_value_get_int(value);
      break;
    case kPropStepTime:
      settings->step_time = g_value_get_uint64(value);
      break;
    case kPropSeed:
      settings->seed = g_value_get_uint64(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void gst_latent_src_get_property(GObject* object, guint id,
                                        GValue* value, GParamSpec* pspec) {
  auto* self = GST_LATENT_SRC(object);
  if (id == kPropIsLive) {
    g_value_set_boolean(value, gst_base_src_is_live(GST_BASE_SRC(self)));
    return;
  }
  std::lock_guard lock(self->priv->mutex);
  const Settings& settings = self->priv->settings;
  switch (id) {
    case kPropLocation:
      g_value_set_string(value, settings.location.c_str());
      break;
    case kPropContinue:
      g_value_set_boolean(value, settings.continue_on_error);
      break;
    case kPropPred:
      g_value_set_boolean(value, settings.noisy);
      break;
    case kPropVariant:
      g_value_set_enum(value, settings.variant);
      break;
    case kPropWidth:
      g_value_set_int(value, settings.width);
      break;
    case kPropHeight:
      g_value_set_int(value, settings.height);
      break;
    case kPropSteps:
      g_value_set_int(value, settings.steps);
      break;
    case kPropStepTime:
      g_value_set_uint64(value, settings.step_time);
      break;
    case kPropSeed:
      g_value_set_uint64(value, settings.seed);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void gst_latent_src_finalize(GObject* object) {
  delete GST_LATENT_SRC(object)->priv;
  G_OBJECT_CLASS(gst_latent_src_parent_class)->finalize(object);
}

static void install_properties(GObjectClass* object_class) {
  const auto flags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                 GST_PARAM_MUTABLE_READY);
  const auto add = [&](guint id, GParamSpec* spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  add(kPropLocation,
      g_param_spec_string("location", "Location",
                          "File, folder, glob or step_%03d.npy pattern of "
                          ".safetensors, .npy and .latent (unset = demo)",
                          "", flags));
  add(kPropContinue,
      g_param_spec_boolean("continue-on-error", "Continue on error",
                           "Warn about a wrong file and leave it out", FALSE,
                           flags));
  add(kPropPred,
      g_param_spec_boolean(
          "noisy", "Noisy",
          "Demo: the sampler's noisy x, not the estimate of x0", FALSE, flags));
  add(kPropVariant,
      g_param_spec_enum("variant", "Variant",
                        "Latent space (auto = what downstream takes)",
                        taegst::VariantGetType(), taegst::kVariantAuto, flags));
  add(kPropWidth, g_param_spec_int("width", "Width", "Demo: pixels", 8, 8192,
                                   kDefaultSide, flags));
  add(kPropHeight, g_param_spec_int("height", "Height", "Demo: pixels", 8, 8192,
                                    kDefaultSide, flags));
  add(kPropSteps,
      g_param_spec_int("steps", "Steps", "Demo: steps of a generation", 1, 1000,
                       kDefaultSteps, flags));
  add(kPropStepTime,
      g_param_spec_uint64("step-time", "Step time",
                          "Duration of a latent (nanoseconds)", GST_MSECOND,
                          3600 * GST_SECOND, kDefaultStepTime, flags));
  add(kPropSeed, g_param_spec_uint64("seed", "Seed", "Demo: seed of the noise",
                                     0, G_MAXUINT64, 0, flags));
  add(kPropIsLive, g_param_spec_boolean("is-live", "Is live",
                                        "Act as a live source", FALSE, flags));
}

static void gst_latent_src_class_init(GstLatentSrcClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_SRC_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(gst_latent_src_debug, "latentsrc", 0, "latents");
  object_class->set_property = gst_latent_src_set_property;
  object_class->get_property = gst_latent_src_get_property;
  object_class->finalize = gst_latent_src_finalize;
  install_properties(object_class);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Latent source", "Source/Video",
      "Latents of a demo generation, or of files", "The tae authors");
  base_class->negotiate = GST_DEBUG_FUNCPTR(gst_latent_src_negotiate);
  base_class->start = GST_DEBUG_FUNCPTR(gst_latent_src_start);
  base_class->stop = GST_DEBUG_FUNCPTR(gst_latent_src_stop);
  base_class->is_seekable = GST_DEBUG_FUNCPTR(gst_latent_src_is_seekable);
  base_class->do_seek = GST_DEBUG_FUNCPTR(gst_latent_src_do_seek);
  base_class->get_times = GST_DEBUG_FUNCPTR(gst_latent_src_get_times);
  base_class->query = GST_DEBUG_FUNCPTR(gst_latent_src_query);
  GST_PUSH_SRC_CLASS(klass)->create = GST_DEBUG_FUNCPTR(gst_latent_src_create);
}

static void gst_latent_src_init(GstLatentSrc* self) {
  self->priv = new Private;
  gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
