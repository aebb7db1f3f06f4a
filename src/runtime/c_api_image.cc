// The C interface: the program's decoder of pictures (ops/op/decode_image.h).
#include "ops/op/decode_image.h"
#include "runtime/c_api.h"

namespace ow::capi {

onward_status* set_image_decoder(onward_decode_image_fn decode, void* user, onward_release_fn release) {
  return guarded([&]() -> Status {
    if (!decode) {
      ow::set_image_decoder(nullptr);
      return {};
    }
    auto made = std::make_shared<ImageDecoder>(decode, user);
    made->set_release(release);  // now nothing can fail any more
    ow::set_image_decoder(std::move(made));
    return {};
  });
}

uint8_t* image_pixels(onward_image* image, int64_t height, int64_t width) {
  if (!image) return nullptr;
  try {
    return image->pixels(height, width);
  } catch (...) {
    image->out_of_memory = true;
    return nullptr;
  }
}

void image_fail(onward_image* image, onward_code code, const char* message) {
  if (!image) return;
  const bool known = code > ONWARD_OK && code <= ONWARD_INTERNAL;
  try {
    image->fail(known ? static_cast<Code>(code) : Code::kInvalidArgument,
                message ? message : "no reason given");
  } catch (...) {
    image->out_of_memory = true;
  }
}

}  // namespace ow::capi
