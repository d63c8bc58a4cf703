// Which executor a backend means.
#include "exec/executor.h"

namespace tae {
namespace {

ExecutorOr MakeAutomatic(const ExecutorOptions& options) {
  ExecutorOr blas = MakeBlasExecutor(options);
  return blas.ok() ? std::move(blas) : MakeReferenceExecutor(options);
}

}  // namespace

ExecutorOr MakeExecutor(Backend backend, const ExecutorOptions& options) {
  if (options.plan->steps.front().kind == StepKind::kLinearRgb)
    return MakeLinearExecutor(options);
  switch (backend) {
    case Backend::kAuto:
      return MakeAutomatic(options);
    case Backend::kReference:
      return MakeReferenceExecutor(options);
    case Backend::kBlas:
      return MakeBlasExecutor(options);
    case Backend::kNative:
      return Unsupported("no native kernels in this build");
  }
  return InvalidArgument("unknown backend");
}

}  // namespace tae
