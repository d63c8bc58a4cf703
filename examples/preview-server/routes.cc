#include "routes.h"

#include <utility>

#include "page.h"
#include "reply.h"
#include "status_json.h"

namespace preview {
namespace {

void ReplyNotFound(SoupServerMessage* message, const std::string& what) {
  ReplyError(message, SOUP_STATUS_NOT_FOUND, what);
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
    return generations_.ReplySnapshot(request, rooms_.store->newest());
  if (first == "generations" && path.size() >= 2) {
    const auto id = ParseNumber(path[1]);
    const Generation* generation = id ? rooms_.store->Find(*id) : nullptr;
    if (generation != nullptr) return generations_.Handle(request, *generation);
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

}  // namespace preview
