// OpenBLAS, loaded when it is first wanted: a process that never uses it does
// not start its threads, and a machine without it still runs everything else.
#pragma once

#include "tae/status.h"

namespace tae {

// Row-major single-precision matrix product, c = a * b (m x k times k x n).
// Every call runs on the calling thread while a BlasSession lives.
class BlasLibrary {
 public:
  // The process's one OpenBLAS. Errors: kUnsupported.
  static StatusOr<const BlasLibrary*> Get();

  void Multiply(int m, int n, int k, const float* a, int a_stride,
                const float* b, int b_stride, float* c, int c_stride) const;

  // Solves a x = b for symmetric positive definite a [n][n] and `count` right
  // sides b [count][n], in place (LAPACK's dposv); a is overwritten. Errors:
  // kUnsupported (an OpenBLAS without LAPACK), kInvalidArgument (not positive
  // definite).
  Status SolvePositive(int n, int count, double* a, double* b) const;

 private:
  friend class BlasSession;
  using Sgemm = void (*)(int order, int trans_a, int trans_b, int m, int n,
                         int k, float alpha, const float* a, int lda,
                         const float* b, int ldb, float beta, float* c,
                         int ldc);
  using Dposv = void (*)(const char* uplo, const int* n, const int* count,
                         double* a, const int* lda, double* b, const int* ldb,
                         int* info);
  bool Load();

  Sgemm sgemm_ = nullptr;
  Dposv dposv_ = nullptr;
  int (*get_threads_)() = nullptr;
  void (*set_threads_)(int) = nullptr;
};

// Holds OpenBLAS to one thread a call (our own threads already share the work)
// and gives the host process its setting back when the last session ends.
// OpenBLAS 0.3.21 has this setting per process only. Thread-safe, never throws.
class BlasSession {
 public:
  explicit BlasSession(const BlasLibrary& library);
  ~BlasSession();
  BlasSession(const BlasSession&) = delete;
  BlasSession& operator=(const BlasSession&) = delete;

 private:
  const BlasLibrary& library_;
};

}  // namespace tae
