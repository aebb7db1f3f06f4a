// Memory that runs out is the one failure that is no Status inside the library: std::bad_alloc travels up
// through everything, so no code on the way can drop it or take it for an error of the model, and the C
// interface turns it into ONWARD_OUT_OF_MEMORY. Whatever holds a resource therefore holds it in an object
// whose destructor gives it back; parallel_for carries it from a worker to the caller.
//
// This one says how much was wanted; it holds its text itself.
#pragma once
#include <cstdint>
#include <cstdio>
#include <new>

namespace ow {

class OutOfMemory final : public std::bad_alloc {
 public:
  explicit OutOfMemory(int64_t bytes) noexcept {
    std::snprintf(text_, sizeof text_, "cannot allocate %lld bytes", static_cast<long long>(bytes));
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[64];
};

}  // namespace ow
