#include "app.h"

#include <algorithm>
#include <utility>

#include "past.h"
#include "status_json.h"

namespace preview {
namespace {

constexpr size_t kMostNotices = 8;
constexpr size_t kMostOfNotice = 1000;  // bytes of one
constexpr guint kTellMs = 100;          // several at once are told together
constexpr size_t kMostBroken = 6;       // files of which each is told

std::string MakeInstance() {
  char text[17];
  g_snprintf(text, sizeof text, "%08x%08x", g_random_int(), g_random_int());
  return text;
}

}  // namespace

App::App(const Options& options)
    : options_(options),
      instance_(MakeInstance()),
      store_(options.limits),
      events_([this] { return StatusJson(); }),
      webrtc_(options.webrtc, options.stun_server,
              [this](const std::string& text) { OnNotice(text, true); }),
      routes_({.store = &store_,
               .live = &live_,
               .events = &events_,
               .webrtc = &webrtc_,
               .status = [this] { return StatusJson(); },
               .on_stop = [this] { events_.PublishStatus(); }},
              options.decoder),
      http_(options, [this](const Request& r) { routes_.Handle(r); }),
      pipeline_(
          options,
          {.on_latent = [this](ArrivedLatent l) { OnLatent(std::move(l)); },
           .on_picture = [this](ArrivedPicture p) { OnPicture(std::move(p)); },
           .on_raw =
               [this](std::shared_ptr<GstSample> raw) {
                 webrtc_.Show(std::move(raw));
               },
           .on_notice = [this](const std::string& text,
                               bool is_error) { OnNotice(text, is_error); }}) {}

App::~App() {
  if (telling_ != 0) g_source_remove(telling_);
}

tae::Status App::Start() {
  if (!options_.keep.empty()) {
    auto archive = Archive::Open(options_.keep, options_.most_disk_bytes);
    if (!archive.ok()) return archive.status();
    archive_.emplace(*std::move(archive));
    routes_.set_archive(&*archive_);
    AddPast();
  }
  TAE_RETURN_IF_ERROR(http_.Start());
  return pipeline_.Start();
}

std::string App::latents() const {
  const std::string bound = pipeline_.counts().address;
  return bound.empty() ? options_.latents : bound;
}

// Generations of earlier runs, as many as are listed.
void App::AddPast() {
  size_t broken = 0;
  for (const std::string& name :
       archive_->Newest(options_.limits.generations)) {
    const auto file = archive_->OpenKept(name);
    const auto past = file.ok() ? ReadPast(**file, name, options_.limits.steps)
                                : file.status();
    if (past.ok()) store_.AddPast(past->generation);
    const std::string trouble =
        past.ok() ? past->trouble : past.status().message();
    if (trouble.empty() || ++broken > kMostBroken) continue;
    OnNotice("--keep: " + name +
                 (past.ok() ? ": its end is left out: " : ": is left out: ") +
                 trouble,
             !past.ok());
  }
  if (broken > kMostBroken)
    OnNotice("--keep: the same with " + std::to_string(broken - kMostBroken) +
                 " more files",
             true);
}

void App::OnLatent(ArrivedLatent latent) {
  const GenerationStore::Added added = store_.AddLatent(std::move(latent));
  if (added.repeats) return;
  Keep(*added.generation);
  if (added.began)
    events_.PublishStatus();
  else
    PublishStep(*added.generation, added.generation->steps.back());
}

void App::Keep(const Generation& generation) {
  if (!archive_) return;
  const tae::Status status = archive_->Append(generation.date, generation.id,
                                              generation.steps.back().latent);
  if (!status.ok()) OnNotice(status.message(), true);
}

void App::OnPicture(ArrivedPicture picture) {
  const GenerationStore::Placed placed = store_.AddPicture(std::move(picture));
  if (placed.step == nullptr) return;
  live_.Publish(placed.generation->id, placed.step->picture);
  PublishStep(*placed.generation, *placed.step);
  if (placed.step->said.final) events_.PublishStatus();
}

void App::PublishStep(const Generation& generation, const Step& step) {
  nlohmann::json said = Summary(generation, g_get_monotonic_time());
  said["latest"] = Describe(step, generation);
  events_.Publish("step", Dump(said));
}

// What producers send may be in a sentence, and cause many.
void App::OnNotice(const std::string& said, bool is_error) {
  std::string text = said;
  if (text.size() > kMostOfNotice) text.resize(kMostOfNotice);
  const gint64 date = g_get_real_time() / G_USEC_PER_SEC;
  const auto same =
      std::find_if(notices_.begin(), notices_.end(),
                   [&](const Notice& old) { return old.text == text; });
  const uint64_t count = same != notices_.end() ? same->count + 1 : 1;
  if (same != notices_.end()) notices_.erase(same);
  if (count == 1) g_printerr("%s\n", text.c_str());
  notices_.push_back({text, is_error, date, count});
  if (notices_.size() > kMostNotices) notices_.pop_front();
  if (telling_ != 0) return;
  telling_ = g_timeout_add(
      kTellMs,
      [](gpointer data) -> gboolean {
        auto* self = static_cast<App*>(data);
        self->telling_ = 0;
        self->events_.PublishStatus();
        return G_SOURCE_REMOVE;
      },
      this);
}

std::string App::StatusJson() const {
  const gint64 now = g_get_monotonic_time();
  const Pipeline::Counts counts = pipeline_.counts();
  nlohmann::json said = {
      {"instance", instance_},
      {"uptime", double(now - begin_) / G_USEC_PER_SEC},
      {"latents",
       {{"address", counts.address.empty() ? options_.latents : counts.address},
        {"received", counts.received},
        {"dropped", counts.dropped},
        {"skipped", counts.skipped},
        {"connections", counts.connections},
        {"connected", counts.connected},
        {"evicted", counts.evicted},
        {"failures", counts.failures}}},
      {"decoder",
       {{"decoded", counts.decoded},
        {"variant", counts.variant},
        {"method", counts.method},
        {"weights", counts.weights}}},
      {"viewers",
       {{"live", live_.viewers()},
        {"webrtc", webrtc_.viewers()},
        {"events", events_.listeners()},
        {"skipped", live_.skipped()},
        {"connections", http_.connections()}}},
      {"webrtc", {{"offered", webrtc_.offered()}}},
      {"films", routes_.films()},
      {"memory",
       {{"bytes", store_.bytes()},
        {"limit", store_.limits().bytes},
        {"evicted", store_.evicted()}}},
      {"notices", nlohmann::json::array()},
      {"generations", nlohmann::json::array()}};
  for (const Notice& notice : notices_)
    said["notices"].push_back({{"text", notice.text},
                               {"error", notice.is_error},
                               {"date", notice.date},
                               {"count", notice.count}});
  const auto& generations = store_.generations();
  for (auto g = generations.rbegin(); g != generations.rend(); ++g)
    said["generations"].push_back(Summary(*g, now));
  return Dump(said);
}

}  // namespace preview
