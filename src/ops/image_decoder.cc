// ImageDecoder: a picture's file as bytes [n] -> its pixels [height, width, channels] of uint8, by the
// decoder that the program gave to the process (ops/op/decode_image.h). Loading and inference need none.
//
// A file that cannot be decoded is an error of the run, as in ONNX's reference evaluator; the operator's text
// speaks of an empty matrix there, which the nodes behind it would take for a picture. An orientation that
// a camera noted is not applied: the operator's text has none.
#include "ops/op/decode_image.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  onward_pixel_format format = ONWARD_RGB;
};

Result<Attrs> read(const AttrReader& a) {
  const std::string format = a.text("pixel_format", "RGB");
  if (format == "RGB") return Attrs{ONWARD_RGB};
  if (format == "BGR") return Attrs{ONWARD_BGR};
  if (format == "Grayscale") return Attrs{ONWARD_GRAYSCALE};
  a.fail("pixel_format", cat("is '", printable(format), "', expected RGB, BGR or Grayscale"));
  return Attrs{};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (x && x->size() != 1) return c.error("input is ", list_text(*x), ", expected the bytes of a file: [n]");
  c.set(0, DType::kUint8, SymShape{Dim::unknown(), Dim::unknown(), a.format == ONWARD_GRAYSCALE ? 1 : 3});
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() != 1) return c.error("input has shape ", x.shape(), ", expected the bytes of a file: [n]");
  if (x.count() == 0) return c.error("input is empty, expected the bytes of a picture's file");
  const std::shared_ptr<const ImageDecoder> decoder = image_decoder();
  if (!decoder)
    return {Code::kUnsupported,
            cat(c.node().label(), ": the library reads no pictures itself: give it a decoder by ",
                "set_image_decoder before the run")};
  ONWARD_TRY(decoder->decode(x.span<uint8_t>(), a.format, c));
  return c.budget() ? c.budget()->check() : Status();
}

}  // namespace

ONWARD_OPS(image_decoder) {
  return {op<Attrs>({.name = "ImageDecoder", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
