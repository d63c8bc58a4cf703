#include "routes.h"

#include <gst/video/video.h>

#include <utility>

#include "common/gst_ptr.h"
#include "page.h"
#include "reply.h"
#include "status_json.h"

namespace preview {
namespace {

constexpr GstClockTime kPngPatience = 30 * GST_SECOND;

// A message that somebody answers later: paused until then.
std::shared_ptr<SoupServerMessage> Hold(SoupServerMessage* message) {
  soup_server_message_pause(message);
  return {SOUP_SERVER_MESSAGE(g_object_ref(message)),
          [](SoupServerMessage* m) { g_object_unref(m); }};
}

void ReplyNotFound(SoupServerMessage* message, const std::string& what) {
  ReplyError(message, SOUP_STATUS_NOT_FOUND, what);
}

std::string FileName(const Generation& generation, const char* ending) {
  return "generation-" + std::to_string(generation.id) + ending;
}

}  // namespace

void Routes::Handle(const Request& request) {
  const auto& path = request.path;
  const std::string first = path.empty() ? "" : path[0];
  if (first == "stop" && path.size() == 1) return HandleStop(request);
  if (request.post)
    return ReplyError(request.message, SOUP_STATUS_METHOD_NOT_ALLOWED,
                      "only /stop takes POST");
  if (path.size() <= 1 && HandlePage(request)) return;
  if (first == "status" && path.size() == 1)
    return ReplyJson(request.message, rooms_.status());
  if (first == "events" && path.size() == 1) return HandleEvents(request);
  if (first == "live.mjpg" && path.size() == 1) return HandleLive(request);
  if (first == "snapshot.png" && path.size() == 1)
    return ReplySnapshot(request, rooms_.store->newest());
  if (first == "generations" && path.size() >= 2) {
    const auto id = ParseNumber(path[1]);
    const Generation* generation = id ? rooms_.store->Find(*id) : nullptr;
    if (generation != nullptr) return HandleGeneration(request, *generation);
    return ReplyNotFound(request.message,
                         "there is no such generation, or it is no longer "
                         "kept; /status lists those that are");
  }
  ReplyNotFound(request.message, "there is nothing at this address");
}

bool Routes::HandlePage(const Request& request) {
  const PageFile* file =
      FindPageFile(request.path.empty() ? "" : request.path[0]);
  if (file == nullptr) return false;
  ReplyText(request.message, SOUP_STATUS_OK, file->type,
            std::string(file->text));
  return true;
}

void Routes::HandleLive(const Request& request) {
  const std::string said = request.Query("generation");
  const auto only = ParseNumber(said);
  if (!said.empty() && !only)
    return ReplyError(request.message, SOUP_STATUS_BAD_REQUEST,
                      "generation=: expected a number");
  const Generation* generation =
      only ? rooms_.store->Find(*only) : rooms_.store->newest();
  if (only && generation == nullptr)
    return ReplyNotFound(request.message, "there is no such generation");
  const Step* step = generation ? generation->newest_picture() : nullptr;
  if (!rooms_.live->Add(request.message, only, step ? step->picture : nullptr))
    ReplyError(request.message, SOUP_STATUS_SERVICE_UNAVAILABLE,
               "too many viewers");
}

void Routes::HandleEvents(const Request& request) {
  if (!rooms_.events->Add(request.message))
    ReplyError(request.message, SOUP_STATUS_SERVICE_UNAVAILABLE,
               "too many listeners");
}

// GET: a producer asks; ?gen= is what it calls its generation. POST: somebody
// wants it to end; ?generation= is the number.
void Routes::HandleStop(const Request& request) {
  const std::string name = request.Query("gen");
  const std::string number = request.Query("generation");
  const Generation* generation = rooms_.store->newest();
  if (!number.empty()) {
    const auto id = ParseNumber(number);
    generation = id ? rooms_.store->Find(*id) : nullptr;
  } else if (!name.empty()) {
    generation = rooms_.store->FindName(name);
  }
  if (request.post) {
    if (generation == nullptr)
      return ReplyNotFound(request.message, "there is no such generation");
    rooms_.store->AskToStop(generation->id);
    rooms_.on_stop();
  }
  nlohmann::json said = {{"stop", generation && generation->stop}};
  if (generation != nullptr) {
    said["generation"] = generation->id;
    said["gen"] = generation->name;
  }
  ReplyJson(request.message, Dump(said));
}

void Routes::HandleGeneration(const Request& request,
                              const Generation& generation) {
  const auto& path = request.path;
  if (path.size() == 2) return ReplyGeneration(request, generation);
  if (path[2] == "steps" && path.size() == 5)
    return HandleStep(request, generation);
  if (path.size() == 3 && path[2] == "snapshot.png")
    return ReplySnapshot(request, &generation);
  if (path.size() == 3 && path[2] == "latents.safetensors")
    return ReplyLatents(request, generation);
  if (path.size() == 3 && path[2] == "timelapse.webm")
    return ReplyFilm(request, generation);
  ReplyNotFound(request.message, "a generation has nothing of this name");
}

void Routes::HandleStep(const Request& request, const Generation& generation) {
  const auto index = ParseNumber(request.path[3]);
  const Step* step = index ? generation.Find(*index) : nullptr;
  const std::string& what = request.path[4];
  Bytes bytes;
  if (step != nullptr && what == "picture.jpg") bytes = step->picture;
  if (step != nullptr && what == "thumbnail.jpg") bytes = step->thumbnail;
  if (!bytes)
    return ReplyNotFound(request.message,
                         "this step has no such picture, or no longer");
  ReplyBytes(request.message, "image/jpeg", {bytes}, Caching::kForever);
}

void Routes::ReplyGeneration(const Request& request,
                             const Generation& generation) {
  nlohmann::json said = Summary(generation, g_get_monotonic_time());
  said["history"] = nlohmann::json::array();
  for (const Step& step : generation.steps)
    said["history"].push_back(Describe(step, generation));
  ReplyJson(request.message, Dump(said));
}

void Routes::ReplySnapshot(const Request& request,
                           const Generation* generation) {
  if (generation == nullptr || generation->raw == nullptr)
    return ReplyNotFound(request.message, "there is no picture yet");
  // The callback owns one reference to the message.
  auto* held = new Message(Hold(request.message));
  const taegst::GstPtr<GstCaps> png(gst_caps_new_empty_simple("image/png"));
  gst_video_convert_sample_async(
      generation->raw.get(), png.get(), kPngPatience,
      [](GstSample* sample, GError* error, gpointer data) {
        const std::unique_ptr<Message> message(static_cast<Message*>(data));
        if (sample != nullptr) {
          GstBuffer* buffer = gst_sample_get_buffer(sample);
          gpointer copy = nullptr;
          gsize size = 0;
          gst_buffer_extract_dup(buffer, 0, gst_buffer_get_size(buffer), &copy,
                                 &size);
          ReplyBytes(message->get(), "image/png",
                     {TakeBytes(g_bytes_new_take(copy, size))},
                     Caching::kNever);
          gst_sample_unref(sample);
        } else {
          ReplyError(message->get(), SOUP_STATUS_INTERNAL_SERVER_ERROR,
                     std::string("no PNG could be made: ") +
                         (error ? error->message : "unknown reason"));
        }
        g_clear_error(&error);
        soup_server_message_unpause(message->get());
      },
      held, nullptr);
}

void Routes::ReplyLatents(const Request& request,
                          const Generation& generation) {
  std::vector<Bytes> messages;
  for (const Step& step : generation.steps) messages.push_back(step.latent);
  ReplyBytes(request.message, "application/x-safetensors", messages,
             Caching::kNever, FileName(generation, ".safetensors"));
}

void Routes::ReplyFilm(const Request& request, const Generation& generation) {
  if (generation.timelapse)
    return ReplyBytes(request.message, "video/webm", {generation.timelapse},
                      Caching::kNever, FileName(generation, ".webm"));
  std::vector<FilmFrame> frames;
  for (const Step& step : generation.steps)
    if (step.picture) frames.push_back({step.picture, step.width, step.height});
  if (frames.empty())
    return ReplyNotFound(request.message, "there is no picture yet");
  const uint64_t id = generation.id;
  if (film_waits_.find(id) == film_waits_.end() &&
      !films_.Make(std::move(frames),
                   [this, id](const Bytes& webm, const std::string& error) {
                     OnFilm(id, webm, error);
                   }))
    return ReplyError(request.message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                      "too many films are being made; ask again soon");
  film_waits_[id].push_back(Hold(request.message));
}

void Routes::OnFilm(uint64_t id, const Bytes& webm, const std::string& error) {
  const auto waits = film_waits_.extract(id);
  const Generation* generation = rooms_.store->Find(id);
  // A film of a generation that goes on would soon be an old one.
  if (webm && generation != nullptr && generation->final)
    rooms_.store->AddTimelapse(id, webm);
  for (const Message& message : waits.mapped()) {
    if (webm)
      ReplyBytes(message.get(), "video/webm", {webm}, Caching::kNever,
                 "generation-" + std::to_string(id) + ".webm");
    else
      ReplyError(message.get(), SOUP_STATUS_INTERNAL_SERVER_ERROR, error);
    soup_server_message_unpause(message.get());
  }
}

}  // namespace preview
