// Models of this process, so that loading one twice gives one object.
#pragma once

#include <memory>
#include <string>

#include "model/model.h"

namespace tae {

// Null when no living model has this key. Thread-safe, as is the next.
std::shared_ptr<const Model> FindLivingModel(const std::string& key);

// Remembers the model, weakly, and returns it; or the one that another thread
// published under this key a moment earlier, which the caller uses instead.
std::shared_ptr<const Model> PublishModel(const std::string& key,
                                          std::shared_ptr<const Model> model);

}  // namespace tae
