// A map of weak pointers behind a mutex.
#include "model/registry.h"

#include <map>
#include <mutex>
#include <utility>

namespace tae {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<const Model>> models;
};

// Never destroyed: a model may be loaded while the process exits.
Registry& TheRegistry() {
  static auto* registry = new Registry;
  return *registry;
}

}  // namespace

std::shared_ptr<const Model> FindLivingModel(const std::string& key) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  const auto found = registry.models.find(key);
  return found == registry.models.end() ? nullptr : found->second.lock();
}

std::shared_ptr<const Model> PublishModel(const std::string& key,
                                          std::shared_ptr<const Model> model) {
  Registry& registry = TheRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  std::erase_if(registry.models,
                [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<const Model>& slot = registry.models[key];
  if (std::shared_ptr<const Model> earlier = slot.lock()) return earlier;
  slot = model;
  return model;
}

}  // namespace tae
