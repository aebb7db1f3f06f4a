// A request as a program makes it through onward.h, in steps that can be tried again where they failed: load,
// create a session, make inputs, run. It takes no memory of its own, so that every allocation is the
// library's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "onward/onward.h"

namespace ow::faults {

class Request {
 public:
  // Both are borrowed. Open dimensions become 2. A run has 16 MiB, and `timeout_us` (0: for ever).
  Request(std::string_view model, const char* external_data_folder, int64_t timeout_us)
      : model_bytes_(model), folder_(external_data_folder), timeout_us_(timeout_us) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request();

  // All steps that are not done yet, up to the first that fails; the code of that one. ONWARD_UNSUPPORTED,
  // too, if the model wants inputs that are not made here (more than 8, or over 65,536 elements).
  onward_code go_on();
  bool has_session() const { return session_ != nullptr; }
  bool has_run() const { return ran_; }
  // Of the kinds, types, shapes and contents of all outputs.
  uint64_t output_digest() const;
  // Text of the last error.
  const char* error() const { return error_; }

 private:
  static constexpr size_t kMaxPorts = 8;
  onward_code load();
  onward_code open();
  onward_code feed();
  onward_code run();
  onward_status* make_input(const onward_value_info& info, onward_value** made);
  onward_code done(onward_status* status);

  std::string_view model_bytes_;
  const char* folder_;
  int64_t timeout_us_;
  onward_model* model_ = nullptr;
  onward_session* session_ = nullptr;
  onward_value* inputs_[kMaxPorts] = {};
  const char* input_names_[kMaxPorts] = {};
  onward_value* outputs_[kMaxPorts] = {};
  size_t input_count_ = 0;
  bool ran_ = false;
  char error_[256] = {};
};

}  // namespace ow::faults
