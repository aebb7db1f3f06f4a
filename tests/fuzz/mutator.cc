// libFuzzer's hooks for models: most mutations edit the parsed message (edit.h), some the bytes.
#include <cstring>
#include <string>

#include "base/log.h"
#include "fuzz/edit.h"
#include "onnx/wire.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using ow::fuzz::Random;

bool read(const uint8_t* data, size_t size, ow::onnx::Model& model) {
  ow::onnx::ReadLimits limits;
  limits.max_struct_bytes = 64 << 20;
  return ow::onnx::read_message({reinterpret_cast<const char*>(data), size}, model, limits).ok();
}

// The size written, 0 if the model does not fit.
size_t write(const ow::onnx::Model& model, uint8_t* to, size_t max_size) {
  auto written = ow::onnx::write_message(model);
  if (!written.ok() || written->size_bytes > max_size) return 0;
  const std::string bytes = written->joined();
  std::memcpy(to, bytes.data(), bytes.size());
  return bytes.size();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  ow::set_log_level(ow::LogLevel::kOff);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  Random random(seed);
  ow::onnx::Model model;
  if (random.one_in(4) || !read(data, size, model)) return LLVMFuzzerMutate(data, size, max_size);
  ow::fuzz::Vocabulary words(model, random);
  for (size_t n = 1 + random.below(3); n > 0; --n) edit_model(model, random, words);
  const size_t written = write(model, data, max_size);
  return written ? written : LLVMFuzzerMutate(data, size, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2,
                                            size_t size2, uint8_t* out, size_t max_out_size,
                                            unsigned int seed) {
  Random random(seed);
  ow::onnx::Model model, donor;
  if (!read(data1, size1, model) || !read(data2, size2, donor)) return 0;
  cross_models(model, donor, random);
  return write(model, out, max_out_size);
}
