#include "generation_routes.h"

#include <utility>
#include <vector>

#include "client_socket.h"
#include "download_limit.h"
#include "film_source.h"
#include "kept_download.h"
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

void GenerationRoutes::set_archive(const Archive* archive) {
  archive_ = archive;
  made_.set_archive(archive);
}

void GenerationRoutes::Handle(const Request& request,
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

// Steps of earlier runs get their pictures when somebody asks.
void GenerationRoutes::HandleStep(const Request& request,
                                  const Generation& generation) {
  const auto index = ParseNumber(request.path[3]);
  const Step* step = index ? generation.Find(*index) : nullptr;
  const bool whole = request.path[4] == "picture.jpg";
  if (step == nullptr || (!whole && request.path[4] != "thumbnail.jpg"))
    return ReplyNotFound(request.message,
                         "this step has no such picture, or no longer");
  if (step->picture || generation.kept.empty())
    return ReplyPicture(request.message, generation.id, *index, whole);
  const std::string what = "picture " + std::to_string(generation.id) + " " +
                           std::to_string(*index) + (whole ? " whole" : "");
  const auto reply = [this, what, id = generation.id, index = *index,
                      whole](const std::string& error) {
    if (!error.empty())
      return EndWith(what, SOUP_STATUS_INTERNAL_SERVER_ERROR, error);
    waiters_.End(what, [&](SoupServerMessage* message) {
      ReplyPicture(message, id, index, whole);
    });
  };
  if (!waiters_.Waits(what) && !made_.Want(generation.id, *index, reply))
    return ReplyError(request.message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                      "too many pictures are being made; ask again soon");
  waiters_.Add(what, request.message);
}

void GenerationRoutes::ReplyPicture(SoupServerMessage* message,
                                    uint64_t generation, uint64_t index,
                                    bool whole) {
  const Generation* kept = store_->Find(generation);
  const Step* step = kept ? kept->Find(index) : nullptr;
  const Bytes bytes =
      step ? (whole ? step->picture : step->thumbnail) : nullptr;
  if (!bytes)
    return ReplyNotFound(message,
                         "this step has no such picture, or no longer");
  ReplyBytes(message, "image/jpeg", {bytes}, Caching::kForever);
}

void GenerationRoutes::EndWith(const std::string& what, unsigned status,
                               const std::string& error) {
  waiters_.End(what, [&](SoupServerMessage* message) {
    ReplyError(message, status, error);
  });
}

void GenerationRoutes::ReplyGeneration(const Request& request,
                                       const Generation& generation) {
  nlohmann::json said = Summary(generation, g_get_monotonic_time());
  said["history"] = nlohmann::json::array();
  for (const Step& step : generation.steps)
    said["history"].push_back(Describe(step, generation));
  ReplyJson(request.message, Dump(said));
}

void GenerationRoutes::ReplySnapshot(const Request& request,
                                     const Generation* generation) {
  const Step* step = generation ? generation->newest_shown() : nullptr;
  if (step == nullptr || (!generation->raw && generation->kept.empty()))
    return ReplyNotFound(request.message, "there is no picture yet");
  const uint64_t id = generation->id;
  const std::string what = "png " + std::to_string(id);
  const bool being_made = waiters_.Waits(what);
  const auto made = [this, what, id](const std::string& error) {
    if (error.empty()) return MakeSnapshot(id, what);
    EndWith(what, SOUP_STATUS_INTERNAL_SERVER_ERROR, error);
  };
  if (!being_made && !generation->raw && !made_.Want(id, step->index, made))
    return ReplyError(request.message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                      "too many pictures are being made; ask again soon");
  waiters_.Add(what, request.message);
  if (!being_made && generation->raw) MakeSnapshot(id, what);
}

void GenerationRoutes::MakeSnapshot(uint64_t id, const std::string& what) {
  const Generation* generation = store_->Find(id);
  if (generation == nullptr || !generation->raw)
    return EndWith(what, SOUP_STATUS_NOT_FOUND, "there is no picture anymore");
  MakePng(generation->raw,
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
bool GenerationRoutes::BeginDownload(SoupServerMessage* message) {
  Shares::Place place =
      downloads_.Take(HostOf(soup_server_message_get_remote_address(message)));
  if (!place) {
    ReplyError(message, SOUP_STATUS_SERVICE_UNAVAILABLE,
               "too many downloads; ask again soon");
    return false;
  }
  LimitDownload(message, std::move(place));
  return true;
}

void GenerationRoutes::ReplyLatents(const Request& request,
                                    const Generation& generation) {
  if (!generation.kept.empty()) {
    const auto file = archive_->OpenKept(generation.kept);
    if (!file.ok() || (*file)->size() < generation.kept_size)
      return ReplyNotFound(request.message, "its file is no longer there");
    if (!BeginDownload(request.message)) return;
    return ReplyKept(request.message, *file, generation.kept_size,
                     "application/x-safetensors",
                     FileName(generation.id, ".safetensors"));
  }
  if (!BeginDownload(request.message)) return;
  std::vector<Bytes> messages;
  for (const Step& step : generation.steps) messages.push_back(step.latent);
  ReplyBytes(request.message, "application/x-safetensors", messages,
             Caching::kNever, FileName(generation.id, ".safetensors"));
}

// Of the latents, decoded once more; ?from=pictures: of what was shown.
void GenerationRoutes::ReplyFilm(const Request& request,
                                 const Generation& generation) {
  const bool quick = request.Query("from") == "pictures";
  const FilmSource source =
      quick ? FilmOfPictures(generation) : FilmOfLatents(generation, archive_);
  if (source.empty())
    return ReplyNotFound(request.message, "there is no picture yet");
  if (!BeginDownload(request.message)) return;
  if (!quick && generation.timelapse)
    return ReplyBytes(request.message, "video/webm", {generation.timelapse},
                      Caching::kNever, FileName(generation.id, ".webm"));
  const std::string what =
      (quick ? "quick film " : "film ") + std::to_string(generation.id);
  if (!waiters_.Waits(what) && !MakeFilm(generation, source, what))
    return ReplyError(request.message, SOUP_STATUS_SERVICE_UNAVAILABLE,
                      "too many films are being made; ask again soon");
  waiters_.Add(what, request.message);
}

// Replies when the film is there, and gives it up when nobody waits any more.
bool GenerationRoutes::MakeFilm(const Generation& generation, FilmSource source,
                                const std::string& what) {
  const uint64_t id = generation.id;
  const bool quick = source.latents.empty();
  // A film of a generation that goes on is soon an old one.
  const bool keep = generation.final && !quick;
  const uint64_t number = films_.Make(
      std::move(source), [this, what, id, keep, quick](
                             const Bytes& webm, const std::string& error) {
        if (webm && keep) store_->AddTimelapse(id, webm);
        if (!webm && !quick && MakeFilmOfPictures(id, what)) return;
        waiters_.End(what, [&](SoupServerMessage* message) {
          if (webm)
            ReplyBytes(message, "video/webm", {webm}, Caching::kNever,
                       FileName(id, ".webm"));
          else
            ReplyError(message, SOUP_STATUS_INTERNAL_SERVER_ERROR, error);
        });
      });
  if (number == 0) return false;
  waiters_.WhenNobodyWaits(what, [this, number] { films_.Cancel(number); });
  return true;
}

// In place of one that could not be decoded. False: there is nothing to make it
// of.
bool GenerationRoutes::MakeFilmOfPictures(uint64_t id,
                                          const std::string& what) {
  const Generation* generation = store_->Find(id);
  if (generation == nullptr) return false;
  FilmSource source = FilmOfPictures(*generation);
  return !source.empty() && MakeFilm(*generation, std::move(source), what);
}

}  // namespace preview
