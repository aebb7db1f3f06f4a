// Load and run with a tiny budget: 16 MiB, 200 ms, one thread; inputs are made from their declared types,
// with 2 for each open size.
#include <cstring>

#include "fuzz/target.h"
#include "runtime/session.h"

namespace {

using namespace ow;

constexpr int64_t kMaxElements = 4096;

Result<Tensor> make_tensor(const ir::Type& type) {
  Shape shape;
  if (type.shape)
    for (const Dim& d : *type.shape) shape.push_back(d.constant().value_or(2));
  const int64_t count = shape.count();
  if (count < 0 || count > kMaxElements) return limit_exceeded("an input of ", count, " elements");
  Tensor t = ONWARD_TRY(Tensor::allocate(type.dtype, shape));
  if (type.dtype == DType::kString) {
    for (int64_t i = 0; i < count; ++i) t.mutable_data<std::string>()[i] = i % 2 ? "b" : "ab 1";
  } else if (type.dtype == DType::kFloat32) {
    for (int64_t i = 0; i < count; ++i) t.mutable_data<float>()[i] = static_cast<float>(i % 5) - 1.5f;
  } else {
    for (int64_t i = 0; i < t.bytes(); ++i) t.mutable_raw()[i] = static_cast<std::byte>(i % 8 == 0);
  }
  return t;
}

Result<Value> make_value(const ir::Type& type) {
  switch (type.kind) {
    case ir::Type::Kind::kTensor:
      return Value(ONWARD_TRY(make_tensor(type)));
    case ir::Type::Kind::kSequence: {
      Sequence s;
      if (type.element) s.push_back(ONWARD_TRY(make_value(*type.element)));
      return Value(std::move(s));
    }
    default:
      return Value();
  }
}

Status run(const uint8_t* data, size_t size) {
  auto model = ONWARD_TRY(Model::load_bytes(fuzz::as_bytes(data, size)));
  SessionOptions options;
  options.threads = 1;
  options.level = fuzz::choice(data, size, 4) ? Level::kFull : Level::kOff;
  options.memory_limit_bytes = 16 << 20;
  auto session = ONWARD_TRY(Session::create(model, options));
  std::vector<std::pair<std::string_view, Value>> inputs;
  for (const PortInfo& port : model->inputs())
    inputs.emplace_back(port.name, ONWARD_TRY(make_value(port.type)));
  RunOptions run_options;
  run_options.timeout = std::chrono::milliseconds(200);
  auto first = session->run(inputs, {}, run_options);
  auto second = session->run(inputs, {}, run_options);
  // A session stays usable after an error, and answers the same.
  ONWARD_CHECK(first.ok() == second.ok() || second.status().code() == Code::kDeadlineExceeded ||
               first.status().code() == Code::kDeadlineExceeded);
  return first.take_status();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ow::Status status = run(data, size);
  ONWARD_CHECK(status.code() != ow::Code::kInternal);
  return 0;
}
