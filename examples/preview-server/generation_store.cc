#include "generation_store.h"

#include <algorithm>
#include <set>
#include <utility>

namespace preview {
namespace {

// Whether the last latent of a generation came once more, to hold its picture.
bool Repeats(const Generation& generation, const taegst::LatentStep& step) {
  return generation.final && step.final && step.step &&
         step.step == generation.steps.back().said.step;
}

// Whether a producer counts its steps anew within one generation, as a base
// model and its refiner do: name and prompt are the same.
bool CountsAnew(const Generation& generation, const ArrivedLatent& latent) {
  const auto& seed = latent.step.seed;
  return !generation.name.empty() && !generation.prompt.empty() &&
         (latent.prompt.empty() ||
          ShortText(latent.prompt) == generation.prompt) &&
         (!seed || !generation.seed || *seed == *generation.seed);
}

// Whether a latent goes on with a generation of its name. What is the last one
// the producer says, whatever number of steps it announced.
bool Continues(const Generation& generation, const ArrivedLatent& latent) {
  const taegst::LatentStep& step = latent.step;
  if (generation.final) return Repeats(generation, step);
  if (!step.step || generation.steps.empty()) return true;
  const auto& before = generation.steps.back().said.step;
  return !before || *step.step >= *before || CountsAnew(generation, latent);
}

}  // namespace

Generation& GenerationStore::PlaceOf(const ArrivedLatent& latent, bool* began) {
  const std::string name = ShortText(latent.step.prompt_id);
  const BatchItem place = ItemOf(latent.step);
  for (auto old = generations_.rbegin(); old != generations_.rend(); ++old) {
    if (old->name != name || old->place != place || !old->kept.empty())
      continue;
    *began = !Continues(*old, latent);
    if (!*began) return *old;
    break;
  }
  *began = true;
  const uint64_t batch = BatchFor(name, place);
  Generation& made = generations_.emplace_back();
  made.id = next_id_++;
  made.name = name;
  made.place = place;
  made.batch = batch != 0 ? batch : made.id;
  made.begin = latent.time;
  made.date = g_get_real_time() / G_USEC_PER_SEC;
  return made;
}

// The newest batch of this name that has no such item yet; 0: there is none.
uint64_t GenerationStore::BatchFor(const std::string& name,
                                   const BatchItem& place) const {
  if (place.items == 1) return 0;
  uint64_t newest = 0;
  bool has_it = false;
  for (const Generation& g : generations_) {
    if (g.name != name || g.place.items != place.items || !g.kept.empty())
      continue;
    if (g.batch > newest) has_it = false;
    newest = std::max(newest, g.batch);
    has_it |= g.batch == newest && g.place == place;
  }
  return has_it ? 0 : newest;
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
  const BatchItem place = ItemOf(picture.step);
  for (auto g = generations_.rbegin(); g != generations_.rend(); ++g) {
    if (g->name != name || g->place != place || !g->kept.empty()) continue;
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
  generation.batch = generation.id = next_id_++;
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
  // Its producer makes all of a batch or nothing.
  for (Generation& other : generations_)
    if (other.batch == generation->batch) other.stop = true;
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

// Back into the limits; the generation `current`, and what is of one batch with
// it, must not go.
void GenerationStore::Bound(uint64_t current) {
  const auto total = [&] {
    size_t bytes = 0;
    for (const Generation& g : generations_) bytes += g.size();
    return bytes;
  };
  const uint64_t batch = Mutable(current)->batch;
  bytes_ = total();
  while (bytes_ > limits_.bytes && DropMade(current)) bytes_ = total();
  while ((Batches() > limits_.generations || bytes_ > limits_.bytes) &&
         DropOldest(batch))
    bytes_ = total();
  for (bool thinned = true; thinned && bytes_ > limits_.bytes;
       bytes_ = total()) {
    thinned = false;
    for (Generation& g : generations_) {
      if (g.steps.size() <= 2) continue;
      Thin(&g);
      thinned = true;
    }
  }
}

// A batch is one towards the limit.
size_t GenerationStore::Batches() const {
  std::set<uint64_t> seen;
  for (const Generation& g : generations_) seen.insert(g.batch);
  return seen.size();
}

// The oldest generation that is not of `batch`, and all that is of one batch
// with it. False: there is none.
bool GenerationStore::DropOldest(uint64_t batch) {
  const auto oldest =
      std::find_if(generations_.begin(), generations_.end(),
                   [&](const Generation& g) { return g.batch != batch; });
  if (oldest == generations_.end()) return false;
  const uint64_t gone = oldest->batch;
  evicted_ += std::erase_if(
      generations_, [&](const Generation& g) { return g.batch == gone; });
  return true;
}

}  // namespace preview
