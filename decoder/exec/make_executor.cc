// Which executor a backend means.
#include <cstdlib>

#include "exec/band_executor.h"
#include "exec/executor.h"
#include "kernels/select.h"

namespace tae {
namespace {

ExecutorOr MakeNativeExecutor(const ExecutorOptions& options) {
  StatusOr<const KernelTable*> table =
      SelectTable(options.plan->key.precision, options.cpu);
  if (!table.ok()) return table.status();
  return MakeBandExecutor(options, {.table = *table, .whole_planes = false});
}

// OpenBLAS is faster than scalar loops, but whoever pins them gets them.
ExecutorOr MakeAutomatic(const ExecutorOptions& options) {
  StatusOr<const KernelTable*> table =
      SelectTable(options.plan->key.precision, options.cpu);
  if (!table.ok()) return table.status();
  if (*table == &kScalarTable && options.cpu.empty() &&
      std::getenv("TAE_CPU") == nullptr) {
    ExecutorOr blas = MakeBlasExecutor(options);
    if (blas.ok()) return blas;
  }
  return MakeBandExecutor(options, {.table = *table, .whole_planes = false});
}

ExecutorOr MakeLinear(Backend backend, const ExecutorOptions& options) {
  if (backend == Backend::kReference)
    return MakeLinearExecutor(options, kScalarTable);
  StatusOr<const KernelTable*> table =
      SelectTable(Precision::kAuto, options.cpu);
  if (!table.ok()) return table.status();
  return MakeLinearExecutor(options, **table);
}

}  // namespace

ExecutorOr MakeExecutor(Backend backend, const ExecutorOptions& options) {
  if (options.plan->steps.front().kind == StepKind::kLinearRgb)
    return MakeLinear(backend, options);
  switch (backend) {
    case Backend::kAuto:
      return MakeAutomatic(options);
    case Backend::kReference:
      return MakeReferenceExecutor(options);
    case Backend::kBlas:
      return MakeBlasExecutor(options);
    case Backend::kNative:
      return MakeNativeExecutor(options);
  }
  return InvalidArgument("unknown backend");
}

}  // namespace tae
