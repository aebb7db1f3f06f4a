// Status and Result<T>: how every fallible function in onward answers. No exceptions inside the library.
//
// A Status is one pointer; null is success. Its text says where, what was found and what was expected:
//   unet.onnx: node 'up1/concat' (Concat-13): input 1 is [N,64,57,57], expected 56 in axis 2
// Callers add the "where" with `context()` while the error travels up.
#pragma once
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace ow {

// Values are part of the C ABI (onward.h) and never change.
enum class Code : int {
  kOk = 0,
  kInvalidModel = 1,     // the file breaks the ONNX format or its rules
  kInvalidArgument = 2,  // the caller's input, option or shape is wrong
  kUnsupported = 3,      // valid, but this build cannot do it
  kOutOfMemory = 4,
  kLimitExceeded = 5,  // a budget (memory, work, depth) would be exceeded
  kDeadlineExceeded = 6,
  kCancelled = 7,
  kIo = 8,
  kInternal = 9,
};

const char* code_name(Code code);  // "InvalidModel", ...

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message)
      : rep_(code == Code::kOk ? nullptr : new Rep{code, std::move(message)}) {}

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  std::string_view message() const { return rep_ ? std::string_view(rep_->message) : std::string_view(); }
  // Puts "prefix: " before the message; no effect on success.
  Status context(std::string_view prefix) &&;
  Status clone() const { return rep_ ? Status(rep_->code, rep_->message) : Status(); }

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::unique_ptr<Rep> rep_;
};

template <class... T>
Status invalid_model(const T&... parts) {
  return {Code::kInvalidModel, cat(parts...)};
}
template <class... T>
Status invalid_argument(const T&... parts) {
  return {Code::kInvalidArgument, cat(parts...)};
}
template <class... T>
Status unsupported(const T&... parts) {
  return {Code::kUnsupported, cat(parts...)};
}
template <class... T>
Status limit_exceeded(const T&... parts) {
  return {Code::kLimitExceeded, cat(parts...)};
}
template <class... T>
Status io_error(const T&... parts) {
  return {Code::kIo, cat(parts...)};
}
template <class... T>
Status internal_error(const T&... parts) {
  return {Code::kInternal, cat(parts...)};
}

// A T or the Status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) {
    if (status_.ok()) std::abort();  // a Result without a value needs a reason
  }
  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  Status take_status() { return std::move(status_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

namespace internal {
inline Status take_status(Status& s) { return std::move(s); }
template <class T>
Status take_status(Result<T>& r) {
  return r.take_status();
}
inline void take_value(Status&&) {}
template <class T>
T take_value(Result<T>&& r) {
  return *std::move(r);
}
[[noreturn]] void check_failed(const char* file, int line, const char* expression);
}  // namespace internal

}  // namespace ow

// ONWARD_TRY(status_expr);  auto x = ONWARD_TRY(result_expr);  returns the error from the enclosing function.
#define ONWARD_TRY(expression) ONWARD_TRY_NAMED(expression, __COUNTER__)
#define ONWARD_TRY_NAMED(expression, id) ONWARD_TRY_ID(expression, id)
#define ONWARD_TRY_ID(expression, id) ONWARD_TRY_AS(expression, onward_try_##id)
#define ONWARD_TRY_AS(expression, name)          \
  __extension__({                                \
    auto name = (expression);                    \
    if (!name.ok()) [[unlikely]]                 \
      return ::ow::internal::take_status(name);  \
    ::ow::internal::take_value(std::move(name)); \
  })

// Programmer errors only. CHECK is always on, DCHECK in debug builds.
#define ONWARD_CHECK(condition) \
  ((condition) ? (void)0 : ::ow::internal::check_failed(__FILE__, __LINE__, #condition))
#ifdef NDEBUG
#define ONWARD_DCHECK(condition) ((void)sizeof(condition))
#else
#define ONWARD_DCHECK(condition) ONWARD_CHECK(condition)
#endif
