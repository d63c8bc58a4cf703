#include "generation_store.h"

#include <algorithm>
#include <utility>

namespace preview {
namespace {

// Whether the last latent of a generation came once more, to hold its picture.
bool Repeats(const Generation& generation, const taegst::LatentStep& step) {
  return generation.final && step.final && step.step &&
         step.step == generation.steps.back().said.step;
}

// Whether a latent goes on with a generation of its name.
bool Continues(const Generation& generation, const taegst::LatentStep& step) {
  if (generation.final) return Repeats(generation, step);
  if (!step.step || generation.steps.empty()) return true;
  const auto& before = generation.steps.back().said.step;
  return !before || *step.step >= *before;
}

}  // namespace

Generation& GenerationStore::PlaceOf(const ArrivedLatent& latent, bool* began) {
  const std::string name = ShortText(latent.step.prompt_id);
  for (auto old = generations_.rbegin(); old != generations_.rend(); ++old) {
    if (old->name != name || !old->kept.empty()) continue;
    *began = !Continues(*old, latent.step);
    if (!*began) return *old;
    break;
  }
  *began = true;
  Generation& made = generations_.emplace_back();
  made.id = next_id_++;
  made.name = name;
  made.begin = latent.time;
  made.date = g_get_real_time() / G_USEC_PER_SEC;
  return made;
}

GenerationStore::Added GenerationStore::AddLatent(ArrivedLatent latent) {
  bool began = false;
  Generation& place = PlaceOf(latent, &began);
  if (!began && Repeats(place, latent.step)) {
    place.steps.back().key = latent.key;
    place.steps.back().latent = std::move(latent.message);
    return {.generation = &place, .repeats = true};
  }
  if (!latent.prompt.empty()) place.prompt = ShortText(latent.prompt);
  if (latent.step.seed) place.seed = latent.step.seed;
  latent.step.prompt_id.clear();  // the generation has it
  latent.step.extra.clear();
  place.last = latent.time;
  place.final = latent.step.final;
  Step step;
  step.index = place.came++;
  step.key = latent.key;
  step.said = std::move(latent.step);
  step.time = latent.time;
  step.latent = std::move(latent.message);
  place.steps.push_back(std::move(step));
  if (place.steps.size() > limits_.steps) Thin(&place);
  const uint64_t id = place.id;
  Bound(id);
  return {.generation = Find(id), .began = began};
}

GenerationStore::Place GenerationStore::LatentOf(
    const ArrivedPicture& picture) {
  const std::string name = ShortText(picture.step.prompt_id);
  for (auto g = generations_.rbegin(); g != generations_.rend(); ++g) {
    if (g->name != name || !g->kept.empty()) continue;
    for (auto step = g->steps.rbegin(); step != g->steps.rend(); ++step)
      if (step->key <= picture.key && step->said.step == picture.step.step)
        return {&*g, &*step};
  }
  return {};
}

GenerationStore::Placed GenerationStore::AddPicture(ArrivedPicture picture) {
  const auto [generation, step] = LatentOf(picture);
  if (step == nullptr) return {};
  ++step->version;
  step->width = picture.width;
  step->height = picture.height;
  step->picture = std::move(picture.picture);
  step->thumbnail = std::move(picture.thumbnail);
  step->change = picture.change;
  step->converged = picture.converged;
  step->nonfinite = picture.nonfinite;
  step->decode_ms = picture.decode_ms;
  step->method = std::move(picture.method);
  generation->raw = std::move(picture.raw);
  generation->timelapse.reset();
  const uint64_t id = generation->id, index = step->index;
  Bound(id);
  const Generation* kept = Find(id);
  return {kept, kept->Find(index)};
}

void GenerationStore::AddPast(Generation generation) {
  generation.id = next_id_++;
  generations_.push_back(std::move(generation));
  Bound(next_id_ - 1);
}

GenerationStore::Placed GenerationStore::AddMade(uint64_t id, uint64_t index,
                                                 MadePicture made) {
  Generation* generation = Mutable(id);
  Step* step = generation ? generation->Find(index) : nullptr;
  if (step == nullptr) return {};
  step->version = 1;
  step->width = made.width;
  step->height = made.height;
  step->picture = std::move(made.picture);
  step->thumbnail = std::move(made.thumbnail);
  if (step == &generation->steps.back()) generation->raw = std::move(made.raw);
  Bound(id);
  const Generation* kept = Find(id);
  return {kept, kept->Find(index)};
}

void GenerationStore::AddTimelapse(uint64_t id, Bytes webm) {
  Generation* generation = Mutable(id);
  if (generation == nullptr) return;
  generation->timelapse = std::move(webm);
  Bound(id);
}

Generation* GenerationStore::Mutable(uint64_t id) {
  const auto found = std::lower_bound(
      generations_.begin(), generations_.end(), id,
      [](const Generation& g, uint64_t wanted) { return g.id < wanted; });
  return found != generations_.end() && found->id == id ? &*found : nullptr;
}

const Generation* GenerationStore::Find(uint64_t id) const {
  return const_cast<GenerationStore*>(this)->Mutable(id);
}

const Generation* GenerationStore::FindName(const std::string& name) const {
  for (auto g = generations_.rbegin(); g != generations_.rend(); ++g)
    if (g->name == name && g->kept.empty()) return &*g;
  return nullptr;
}

bool GenerationStore::AskToStop(uint64_t id) {
  Generation* generation = Mutable(id);
  if (generation == nullptr) return false;
  generation->stop = true;
  return true;
}

// What can be made anew goes first. False: there is nothing of that kind.
bool GenerationStore::DropMade(uint64_t current) {
  for (Generation& generation : generations_) {
    if (generation.kept.empty() || generation.id == current) continue;
    const size_t before = generation.size();
    generation.raw.reset();
    generation.timelapse.reset();
    for (Step& step : generation.steps) {
      step.picture.reset();
      step.thumbnail.reset();
    }
    if (generation.size() < before) return true;
  }
  return false;
}

// Back into the limits; `current` is what must not go.
void GenerationStore::Bound(uint64_t current) {
  const auto total = [&] {
    size_t bytes = 0;
    for (const Generation& g : generations_) bytes += g.size();
    return bytes;
  };
  bytes_ = total();
  while (bytes_ > limits_.bytes && DropMade(current)) bytes_ = total();
  while (
      generations_.size() > 1 &&
      (generations_.size() > limits_.generations || bytes_ > limits_.bytes)) {
    const size_t oldest = generations_.front().id == current ? 1 : 0;
    generations_.erase(generations_.begin() + ptrdiff_t(oldest));
    ++evicted_;
    bytes_ = total();
  }
  Generation* last = Mutable(current);
  while (bytes_ > limits_.bytes && last->steps.size() > 2) {
    Thin(last);
    bytes_ = total();
  }
}

}  // namespace preview
