// The decoder of pictures for the operator ImageDecoder: onward._image.decode, which calls Pillow. It is
// looked up when a picture is decoded, so that nothing here outlives the interpreter and Pillow is imported
// by those who need it. Runs have given the interpreter's lock up; it is held for one picture at a time.
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <cstring>

#include "bindings/python/engine.h"
#include "onward/image.hpp"

namespace nb = nanobind;

namespace {

// Needs the interpreter's lock.
onward::Error to_error(const nb::python_error& raised) {
  const auto is = [&](PyObject* type) { return raised.matches(nb::handle(type)); };
  const onward_code code = is(PyExc_ImportError)   ? ONWARD_UNSUPPORTED
                           : is(PyExc_MemoryError) ? ONWARD_OUT_OF_MEMORY
                           : is(PyExc_Exception)   ? ONWARD_INVALID_ARGUMENT
                                                   : ONWARD_CANCELLED;  // KeyboardInterrupt, SystemExit
  const std::string text = nb::str(raised.value()).c_str();
  return {code, text.empty() ? nb::str(raised.type().attr("__name__")).c_str() : text};
}

struct Buffer {
  Py_buffer view{};
  explicit Buffer(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view, PyBUF_SIMPLE) != 0) throw nb::python_error();
  }
  ~Buffer() { PyBuffer_Release(&view); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
};

void decode(std::span<const uint8_t> bytes, onward_pixel_format format, const onward::ImageResult& result) {
  if (!nb::is_alive()) throw onward::Error(ONWARD_CANCELLED, "the interpreter has ended");
  nb::gil_scoped_acquire locked;
  try {
    const nb::object answer =
        nb::module_::import_("onward._image")
            .attr("decode")(nb::bytes(bytes.data(), bytes.size()), static_cast<int>(format));
    const auto [height, width, pixels] = nb::cast<std::tuple<int64_t, int64_t, nb::object>>(answer);
    const Buffer from(pixels);
    const int64_t row = width * (format == ONWARD_GRAYSCALE ? 1 : 3);
    if (height < 1 || row < 1 || from.view.len / row != height || from.view.len % row != 0)
      throw onward::Error(ONWARD_INTERNAL,
                          "onward._image.decode does not return height, width and their pixels");
    std::memcpy(result.pixels(height, width), from.view.buf, static_cast<size_t>(from.view.len));
  } catch (const nb::python_error& raised) {
    throw to_error(raised);
  } catch (const nb::cast_error&) {
    throw onward::Error(ONWARD_INTERNAL, "onward._image.decode does not return height, width and pixels");
  }
}

}  // namespace

void onward_python::set_decoder() { onward::set_image_decoder(decode); }
