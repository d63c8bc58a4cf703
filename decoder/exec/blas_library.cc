#include "exec/blas_library.h"

#include <dlfcn.h>

#include <mutex>
#include <string>

namespace tae {
namespace {

constexpr int kRowMajor = 101;  // cblas.h
constexpr int kNoTrans = 111;

std::mutex session_mutex;
int sessions = 0;
int host_threads = 0;

}  // namespace

bool BlasLibrary::Load() {
  void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) library = dlopen("libopenblas.so", RTLD_NOW);
  if (library == nullptr) return false;
  sgemm_ = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
  dposv_ = reinterpret_cast<Dposv>(dlsym(library, "dposv_"));
  get_threads_ =
      reinterpret_cast<int (*)()>(dlsym(library, "openblas_get_num_threads"));
  set_threads_ = reinterpret_cast<void (*)(int)>(
      dlsym(library, "openblas_set_num_threads"));
  return sgemm_ && get_threads_ && set_threads_;
}

StatusOr<const BlasLibrary*> BlasLibrary::Get() {
  static BlasLibrary library;
  static const bool loaded = library.Load();
  if (!loaded)
    return Unsupported(
        "the OpenBLAS backend needs libopenblas.so.0, which the loader does "
        "not find; install libopenblas0 or choose another backend");
  return static_cast<const BlasLibrary*>(&library);
}

void BlasLibrary::Multiply(int m, int n, int k, const float* a, int a_stride,
                           const float* b, int b_stride, float* c,
                           int c_stride) const {
  sgemm_(kRowMajor, kNoTrans, kNoTrans, m, n, k, 1.0f, a, a_stride, b, b_stride,
         0.0f, c, c_stride);
}

Status BlasLibrary::SolvePositive(int n, int count, double* a,
                                  double* b) const {
  if (dposv_ == nullptr)
    return Unsupported("this OpenBLAS was built without LAPACK");
  int info = 0;
  dposv_("U", &n, &count, a, &n, b, &n, &info);
  if (info == 0) return {};
  return InvalidArgument("the system of " + std::to_string(n) +
                         " equations is not positive definite");
}

BlasSession::BlasSession(const BlasLibrary& library) : library_(library) {
  std::lock_guard<std::mutex> lock(session_mutex);
  if (sessions++ > 0) return;
  host_threads = library_.get_threads_();
  if (host_threads != 1) library_.set_threads_(1);
}

BlasSession::~BlasSession() {
  std::lock_guard<std::mutex> lock(session_mutex);
  if (--sessions == 0 && host_threads != 1) library_.set_threads_(host_threads);
}

}  // namespace tae
