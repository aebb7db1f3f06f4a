#include "base/status.h"

#include <cstdio>

namespace ow {

const char* code_name(Code code) {
  switch (code) {
    case Code::kOk:
      return "Ok";
    case Code::kInvalidModel:
      return "InvalidModel";
    case Code::kInvalidArgument:
      return "InvalidArgument";
    case Code::kUnsupported:
      return "Unsupported";
    case Code::kOutOfMemory:
      return "OutOfMemory";
    case Code::kLimitExceeded:
      return "LimitExceeded";
    case Code::kDeadlineExceeded:
      return "DeadlineExceeded";
    case Code::kCancelled:
      return "Cancelled";
    case Code::kIo:
      return "Io";
    case Code::kInternal:
      return "Internal";
  }
  return "Unknown";
}

Status Status::context(std::string_view prefix) && {
  if (rep_) rep_->message = cat(prefix, ": ", rep_->message);
  return std::move(*this);
}

namespace internal {
void check_failed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "onward: internal check failed at %s:%d: %s\n", file, line, expression);
  std::abort();
}
}  // namespace internal

}  // namespace ow
