// Errors of the library: a code for programs and a sentence for people.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace tae {

enum class StatusCode {
  kOk = 0,
  kInvalidArgument,  // the caller asked for something that cannot be
  kUnsupported,      // well-formed, but this library does not do it
  kNotFound,         // a file or a name does not exist
  kUnreadable,       // a file exists and could not be read
  kDataLoss,         // bytes that are damaged, truncated or hostile
  kOutOfMemory,
  kInternal,  // a bug of this library
};

// Result of an operation that can fail. The message says what, where, what was
// expected, what was found and what to do; it is empty exactly when ok().
// Threads: a value type, no sharing.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message)
      : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

inline Status InvalidArgument(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message)};
}
inline Status Unsupported(std::string message) {
  return {StatusCode::kUnsupported, std::move(message)};
}
inline Status NotFound(std::string message) {
  return {StatusCode::kNotFound, std::move(message)};
}
inline Status Unreadable(std::string message) {
  return {StatusCode::kUnreadable, std::move(message)};
}
inline Status DataLoss(std::string message) {
  return {StatusCode::kDataLoss, std::move(message)};
}
inline Status OutOfMemory(std::string message) {
  return {StatusCode::kOutOfMemory, std::move(message)};
}
inline Status Internal(std::string message) {
  return {StatusCode::kInternal, std::move(message)};
}

// Either a value or the Status that says why there is none. Reading the value
// of a failed result is a programming error (asserted in debug builds).
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(Status status) : status_(std::move(status)) {  // NOLINT: implicit
    assert(!status_.ok());
  }
  StatusOr(T value) : value_(std::move(value)) {}  // NOLINT: implicit

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace tae

// The only control flow that a macro may hide in this project.
#define TAE_RETURN_IF_ERROR(expr)                              \
  do {                                                         \
    if (::tae::Status tae_status_ = (expr); !tae_status_.ok()) \
      return tae_status_;                                      \
  } while (false)
