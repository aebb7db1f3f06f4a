// The decoder of pictures that a program gives to this process, and one picture on its way through it. The
// library reads no picture format itself: that would bind it to half a dozen libraries.
//
// A run takes a shared pointer to the decoder, so that one which is replaced meanwhile lives until its last
// run is over, and nobody waits for anybody: a decoder may itself wait for locks of the program's.
#pragma once
#include <memory>

#include "onward/onward.h"
#include "ops/op/run.h"

// What a decoder writes to. Errors other than the first are forgotten.
struct onward_image {
  ow::RunContext& context;
  int64_t channels;
  bool made = false;           // pixels were asked for
  bool out_of_memory = false;  // thrown on when the decoder has returned: it may be C
  ow::Status status;

  // Memory of output 0 for this picture; null where `status` says why.
  uint8_t* pixels(int64_t height, int64_t width);
  void fail(ow::Code code, std::string_view message);
};

namespace ow {

class ImageDecoder {
 public:
  ImageDecoder(onward_decode_image_fn decode, void* user) : decode_(decode), user_(user) {}
  ~ImageDecoder() {
    if (release_) release_(user_);
  }
  ImageDecoder(const ImageDecoder&) = delete;
  ImageDecoder& operator=(const ImageDecoder&) = delete;

  // Called with `user` when this is destroyed; null: nothing is.
  void set_release(onward_release_fn release) { release_ = release; }

  // Writes output 0 of `c`: [height, width, channels] of uint8. Errors: the decoder's, located at the node.
  Status decode(std::span<const uint8_t> bytes, onward_pixel_format format, RunContext& c) const;

 private:
  onward_decode_image_fn decode_;
  void* user_;
  onward_release_fn release_ = nullptr;
};

// The process's decoder; null: none. Thread-safe.
std::shared_ptr<const ImageDecoder> image_decoder();
void set_image_decoder(std::shared_ptr<const ImageDecoder> decoder);

}  // namespace ow
