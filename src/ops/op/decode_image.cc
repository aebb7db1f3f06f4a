#include "ops/op/decode_image.h"

#include <mutex>
#include <new>
#include <utility>

using namespace ow;

uint8_t* onward_image::pixels(int64_t height, int64_t width) {
  if (!status.ok()) return nullptr;
  if (std::exchange(made, true)) {
    fail(Code::kInternal, "the image decoder asks for memory twice");
    return nullptr;
  }
  if (height < 1 || width < 1) {
    fail(Code::kInternal, cat("the image decoder gives a picture of ", height, " rows and ", width,
                              " columns, expected at least one of each"));
    return nullptr;
  }
  auto tensor = context.out(0, DType::kUint8, Shape{height, width, channels});
  if (!tensor.ok()) {
    status = tensor.take_status();
    return nullptr;
  }
  return tensor->mutable_data<uint8_t>();
}

void onward_image::fail(Code code, std::string_view message) {
  if (status.ok()) status = Status(code, cat(context.node().label(), ": ", message));
}

namespace ow {
namespace {

constinit std::mutex mutex;

// Never destroyed: a thread of the program's may run a model until the process ends.
std::shared_ptr<const ImageDecoder>& current() {
  static auto* const decoder = new std::shared_ptr<const ImageDecoder>;
  return *decoder;
}

}  // namespace

Status ImageDecoder::decode(std::span<const uint8_t> bytes, onward_pixel_format format, RunContext& c) const {
  onward_image image{.context = c, .channels = format == ONWARD_GRAYSCALE ? 1 : 3};
  decode_(user_, bytes.data(), bytes.size(), format, &image);
  if (image.out_of_memory) throw std::bad_alloc();
  if (!image.status.ok()) return std::move(image.status);
  if (image.made) return {};
  return {Code::kInternal, cat(c.node().label(), ": the image decoder gives neither a picture nor an error")};
}

std::shared_ptr<const ImageDecoder> image_decoder() {
  std::lock_guard lock(mutex);
  return current();
}

void set_image_decoder(std::shared_ptr<const ImageDecoder> decoder) {
  {
    std::lock_guard lock(mutex);
    current().swap(decoder);
  }
  decoder.reset();  // its release function may call back here
}

}  // namespace ow
