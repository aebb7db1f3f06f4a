// image.hpp: a decoder of pictures for the operator ImageDecoder, in C++ (set_image_decoder of onward.h).
//
//   onward::set_image_decoder([](auto file, onward_pixel_format format, const onward::ImageResult& result) {
//     const MyPicture p = my_decode(file);
//     my_convert(p, format, result.pixels(p.height, p.width));
//   });
#pragma once
#include "onward/onward.hpp"

namespace onward {

// Takes the pixels of one picture from a decoder.
class ImageResult {
 public:
  explicit ImageResult(onward_image* image) : image_(image) {}
  // Once: height * width * channels samples, to be written. Throws where the run cannot go on.
  uint8_t* pixels(int64_t height, int64_t width) const {
    if (uint8_t* p = api().image_pixels(image_, height, width)) return p;
    throw Error(ONWARD_LIMIT_EXCEEDED, "the picture is refused");  // the run knows better why
  }

 private:
  onward_image* image_;
};
using ImageDecoder = std::function<void(std::span<const uint8_t> bytes, onward_pixel_format format,
                                        const ImageResult& result)>;

// The process's decoder of pictures, for the operator ImageDecoder; {} takes it away. What it throws is the
// error of the run. It is called by several threads at once.
inline void set_image_decoder(ImageDecoder decoder) {
  const onward_decode_image_fn call = [](void* user, const void* data, size_t bytes,
                                         onward_pixel_format format, onward_image* image) {
    try {
      (*static_cast<ImageDecoder*>(user))({static_cast<const uint8_t*>(data), bytes}, format,
                                          ImageResult(image));
    } catch (const Error& e) {
      api().image_fail(image, e.code(), e.what());
    } catch (const std::bad_alloc&) {
      api().image_fail(image, ONWARD_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception& e) {
      api().image_fail(image, ONWARD_INVALID_ARGUMENT, e.what());
    } catch (...) {
      api().image_fail(image, ONWARD_INTERNAL, "the decoder threw what is no std::exception");
    }
  };
  if (!decoder) return detail::check(api().set_image_decoder(nullptr, nullptr, nullptr));
  auto kept = std::make_unique<ImageDecoder>(std::move(decoder));
  const onward_release_fn release = [](void* user) { delete static_cast<ImageDecoder*>(user); };
  detail::check(api().set_image_decoder(call, kept.get(), release));
  (void)kept.release();
}

}  // namespace onward
