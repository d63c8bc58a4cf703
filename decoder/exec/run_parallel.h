// ParallelFor for lambdas, without allocation and with "no threads" built in.
#pragma once

#include <type_traits>

#include "parallel/denormals.h"
#include "tae/parallel.h"

namespace tae {

// body(index, worker) for every index in [0, count).
template <typename Body>
void ForEach(ParallelFor* parallel, int count, Body&& body) {
  if (parallel == nullptr) {
    FlushDenormals flush;
    for (int i = 0; i < count; ++i) body(i, 0);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  parallel->Run(
      count,
      [](void* context, int index, int worker) {
        (*static_cast<Plain*>(context))(index, worker);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

inline int WorkersOf(const ParallelFor* parallel) {
  return parallel == nullptr ? 1 : parallel->workers();
}

}  // namespace tae
