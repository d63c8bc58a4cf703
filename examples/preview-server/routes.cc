#include "routes.h"

#include <utility>
#include <vector>

#include "page.h"
#include "reply.h"
#include "status_json.h"
#include "still.h"

namespace preview {
namespace {

void ReplyNotFound(SoupServerMessage* message, const std::string& what) {
  ReplyError(message, SOUP_STATUS_NOT_FOUND, what);
}

std::string FileName(uint64_t id, const char* ending) {
  return "generation-" + std::to_string(id) + ending;
}

}  // namespace

void Routes::Handle(const Request& request) {
  const auto& path = request.path;
  const std::string first = path.empty() ? "" : path[0];
  if (first == "stop" && path.size() == 1) return HandleStop(request);
  if (first == "webrtc" && path.size() <= 2) return HandleWebRtc(request);
  if (request.post)
    return ReplyError(request.message, SOUP_STATUS_METHOD_NOT_ALLOWED,
                      "only /stop and /webrtc take POST");
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

void Routes::HandleWebRtc(const Request& request) {
  if (!request.post)
    return ReplyError(request.message, SOUP_STATUS_METHOD_NOT_ALLOWED,
                      "expected POST");
  if (request.path.size() == 1) return rooms_.webrtc->Invite(request.message);
  rooms_.webrtc->TakeAnswer(request.message, request.path[1], request.body);
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
  const std::string what = "png " + std::to_string(generation->id);
  const bool being_made = waiters_.Waits(what);
  waiters_.Add(what, request.message);
  if (being_made) return;
  MakePng(generation->raw.get(),
          [this, what](const Bytes& png, const std::string& error) {
            waiters_.End(what, [&](SoupServerMessage* message) {
              if (png)
                ReplyBytes(message, "image/png", {png}, Caching::kNever);
              else
                ReplyError(message, SOUP_STATUS_INTERNAL_SERVER_ERROR, error);
            });
          });
}

// False: it has its answer.
bool Routes::BeginDownload(SoupServerMessage* message) {
  if (downloads_ >= kMostDownloads) {
    ReplyError(message, SOUP_STATUS_SERVICE_UNAVAILABLE,
               "too many downloads; ask again soon");
    return false;
  }
  ++downloads_;
  g_signal_connect(message, "finished",
                   G_CALLBACK(+[](SoupServerMessage*, gpointer self) {
                     --static_cast<Routes*>(self)->downloads_;
                   }),
                   this);
  return true;
}

void Routes::ReplyLatents(const Request& request,
                          const Generation& generation) {
  if (!BeginDownload(request.message)) return;
  std::vector<Bytes> messages;
  for (const Step& step : generation.steps) messages.push_back(step.latent);
  ReplyBytes(request.message, "application/x-safetensors", messages,
             Caching::kNever, FileName(generation.id, ".safetensors"));
}

void Routes::ReplyFilm(const Request& request, const Generation& generation) {
  if (!generation.newest_picture())
    return ReplyNotFound(request.message, "there is no picture yet");
  if (!BeginDownload(request.message)) return;
  if (generation.timelapse)
    return ReplyBytes(request.message, "video/webm", {generation.timelapse},
                      Caching::kNever, FileName(generation.id, ".webm"));
  const std::string what = "film " + std::to_string(generation.id);
  if (!waiters_.Waits(what) && !MakeFilm(generation, what))
    return ReplyError(request.message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                      "too many films are being made; ask again soon");
  waiters_.Add(what, request.message);
}

bool Routes::MakeFilm(const Generation& generation, const std::string& what) {
  std::vector<FilmFrame> frames;
  for (const Step& step : generation.steps)
    if (step.picture) frames.push_back({step.picture, step.width, step.height});
  const uint64_t id = generation.id;
  // A film of a generation that goes on is soon an old one.
  const bool keep = generation.final;
  return films_.Make(
      std::move(frames),
      [this, what, id, keep](const Bytes& webm, const std::string& error) {
        if (webm && keep) rooms_.store->AddTimelapse(id, webm);
        waiters_.End(what, [&](SoupServerMessage* message) {
          if (webm)
            ReplyBytes(message, "video/webm", {webm}, Caching::kNever,
                       FileName(id, ".webm"));
          else
            ReplyError(message, SOUP_STATUS_INTERNAL_SERVER_ERROR, error);
        });
      });
}

}  // namespace preview
