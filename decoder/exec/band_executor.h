// The production path: kernels of one table, row tasks in a schedule's order,
// all workers on one list of chunks.
#pragma once

#include "exec/executor.h"
#include "kernels/kernel_table.h"

namespace tae {

struct BandOptions {
  const KernelTable* table = nullptr;
  bool whole_planes = false;  // see ScheduleOptions
};

// Errors: kUnsupported (a network that is not 64 channels wide), kOutOfMemory.
ExecutorOr MakeBandExecutor(const ExecutorOptions& options,
                            const BandOptions& band);

}  // namespace tae
