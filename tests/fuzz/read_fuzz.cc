// The file reader and writer: what can be read is written, read again, and written the same; its textual form
// is the same, too. The messages of test data files are read from the same bytes.
#include "fuzz/target.h"
#include "onnx/data_model.h"
#include "onnx/tensor_data.h"
#include "onnx/text.h"
#include "onnx/walk.h"
#include "onnx/wire.h"

namespace {

using namespace ow::onnx;

template <class M>
bool round_trip(std::string_view bytes, M& first) {
  const ReadLimits limits{.max_struct_bytes = 64 << 20};
  if (!read_message(bytes, first, limits).ok()) return false;
  auto written = write_message(first);
  ONWARD_CHECK(written.ok());
  const std::string once = written->joined();
  ONWARD_CHECK(once.size() == written->size_bytes);
  M second;
  ONWARD_CHECK(read_message(once, second, limits).ok());
  auto again = write_message(second);
  ONWARD_CHECK(again.ok() && again->joined() == once);
  if constexpr (std::is_same_v<M, Model>) ONWARD_CHECK(to_text(first) == to_text(second));
  return true;
}

template <class M>
void round_trip(std::string_view bytes) {
  M message;
  round_trip(bytes, message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Model model;
  if (round_trip(bytes, model))
    (void)for_each<Tensor>(model, [](Tensor& t, std::string_view) {
      (void)tensor_data(t, nullptr);
      return ow::Status();
    });
  round_trip<Tensor>(bytes);
  round_trip<SparseTensor>(bytes);
  round_trip<Sequence>(bytes);
  round_trip<Map>(bytes);
  round_trip<Optional>(bytes);
  return 0;
}
