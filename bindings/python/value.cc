// `Value`: a tensor, sequence, map or nothing, as the library holds it.
//
// Into the library, memory is borrowed: Value.wrap keeps a view of any object with the buffer protocol until
// the library lets go of it. Out of it, memory is lent: a Value has __array_interface__, so
// numpy.asarray(value) makes an array on the library's memory whose base is the Value. Types that numpy's
// interface cannot name go as bytes and are renamed in Python (onward/_arrays.py).
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "bindings/python/engine.h"

namespace nb = nanobind;
using onward::api;
using onward::Value;
using onward::detail::check;

namespace {

[[noreturn]] void raise_type_error(const char* message) { throw nb::type_error(message); }

// May be called by any thread, and when the interpreter is on its way out.
void release_buffer(void* user) {
  auto* view = static_cast<Py_buffer*>(user);
  if (!nb::is_alive()) return;
  nb::gil_scoped_acquire gil;
  PyBuffer_Release(view);
  delete view;
}

// Borrows the memory of `buffer`, which must be contiguous; the buffer's size must be the tensor's.
Value wrap(int dtype, const std::vector<int64_t>& shape, nb::handle buffer, bool writable) {
  auto view = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(buffer.ptr(), view.get(), writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) != 0)
    throw nb::python_error();
  onward_value* made = nullptr;
  onward_status* status =
      api().tensor_wrap(static_cast<onward_dtype>(dtype), shape.data(), shape.size(), view->buf,
                        static_cast<size_t>(view->len), release_buffer, view.get(), &made);
  if (status) PyBuffer_Release(view.get());
  check(status);
  view.release();
  return Value(made);
}

// A tensor on memory that `owner` (an nb::object or nb::ndarray) keeps alive for as long as the tensor lives.
template <class Owner>
Value wrap_memory(onward_dtype dtype, const std::vector<int64_t>& shape, void* data, size_t bytes,
                  Owner owner) {
  auto held = std::make_unique<Owner>(std::move(owner));
  const onward_release_fn release = [](void* user) {
    if (!nb::is_alive()) return;
    nb::gil_scoped_acquire gil;
    delete static_cast<Owner*>(user);
  };
  const Value made = Value::made([&](onward_value** v) {
    return api().tensor_wrap(dtype, shape.data(), shape.size(), data, bytes, release, held.get(), v);
  });
  held.release();
  return made;
}

Value wrap_address(int dtype, const std::vector<int64_t>& shape, uintptr_t address, size_t bytes,
                   nb::object owner) {
  return wrap_memory(static_cast<onward_dtype>(dtype), shape, reinterpret_cast<void*>(address), bytes,
                     std::move(owner));
}

Value create(int dtype, const std::vector<int64_t>& shape) {
  return onward::Tensor(static_cast<onward_dtype>(dtype), shape);
}

// Texts are str (as UTF-8; bytes that were no UTF-8 come back as they were) or bytes.
void set_text(const Value& v, size_t i, nb::handle text) {
  nb::object encoded;
  if (PyUnicode_Check(text.ptr())) {
    encoded = nb::steal(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogateescape"));
    if (!encoded.is_valid()) throw nb::python_error();
  } else {
    encoded = nb::borrow(text);
  }
  if (!PyBytes_Check(encoded.ptr())) raise_type_error("a tensor of strings is made of str or bytes");
  char* data = nullptr;
  Py_ssize_t bytes = 0;
  if (PyBytes_AsStringAndSize(encoded.ptr(), &data, &bytes) != 0) throw nb::python_error();
  check(api().tensor_set_string(v.get(), i, data, static_cast<size_t>(bytes)));
}

Value strings(const std::vector<int64_t>& shape, nb::list texts) {
  Value v = create(ONWARD_STRING, shape);
  if (v.count() != texts.size())
    throw onward::Error(ONWARD_INVALID_ARGUMENT, "the number of strings does not fit the shape");
  for (size_t i = 0; i < texts.size(); ++i) set_text(v, i, texts[i]);
  return v;
}

nb::object text_object(const char* text, size_t bytes) {
  PyObject* made = PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(bytes), "surrogateescape");
  if (!made) throw nb::python_error();
  return nb::steal(made);
}

nb::list read_strings(const Value& v) {
  nb::list out;
  if (v.kind() != ONWARD_TENSOR || v.dtype() != ONWARD_STRING) raise_type_error("not a tensor of strings");
  for (size_t i = 0; i < v.count(); ++i) {
    size_t bytes = 0;
    const char* text = api().tensor_string(v.get(), i, &bytes);
    out.append(text_object(text, bytes));
  }
  return out;
}

nb::list map_items(const Value& v) {
  nb::list out;
  for (size_t i = 0; i < api().map_count(v.get()); ++i) {
    const char* key = nullptr;
    size_t bytes = 0;
    int64_t number = 0;
    const Value item = Value::made(
        [&](onward_value** made) { return api().map_at(v.get(), i, &key, &bytes, &number, made); });
    out.append(nb::make_tuple(key ? text_object(key, bytes) : nb::int_(number), item));
  }
  return out;
}

Value map(int key_type, nb::list keys, const std::vector<Value>& items) {
  if (keys.size() != items.size())
    throw onward::Error(ONWARD_INVALID_ARGUMENT, "a map has a key for each item");
  if (key_type == ONWARD_STRING) {
    std::map<std::string, Value> entries;
    for (size_t i = 0; i < items.size(); ++i) entries.emplace(nb::cast<std::string>(keys[i]), items[i]);
    return Value::map(entries);
  }
  std::map<int64_t, Value> entries;
  for (size_t i = 0; i < items.size(); ++i) entries.emplace(nb::cast<int64_t>(keys[i]), items[i]);
  return Value::map(entries, static_cast<onward_dtype>(key_type));
}

// (values, indices, shape)
nb::tuple sparse_parts(const Value& v) {
  nb::list shape;
  for (int64_t d : v.sparse_shape()) shape.append(d);
  return nb::make_tuple(v.sparse_values(), v.sparse_indices(), nb::tuple(shape));
}

nb::tuple shape_of(const Value& v) {
  const auto dims = v.shape();
  nb::list out;
  for (int64_t d : dims) out.append(d);
  return nb::tuple(out);
}

// Elements as numpy's array interface names them; what it cannot name, as unsigned integers of its size.
const char* array_type(onward_dtype dtype) {
  switch (dtype) {
    case ONWARD_FLOAT32:
      return "<f4";
    case ONWARD_FLOAT64:
      return "<f8";
    case ONWARD_FLOAT16:
      return "<f2";
    case ONWARD_INT8:
      return "|i1";
    case ONWARD_INT16:
      return "<i2";
    case ONWARD_INT32:
      return "<i4";
    case ONWARD_INT64:
      return "<i8";
    case ONWARD_UINT16:
    case ONWARD_BFLOAT16:
      return "<u2";
    case ONWARD_UINT32:
      return "<u4";
    case ONWARD_UINT64:
      return "<u8";
    case ONWARD_BOOL:
      return "|b1";
    case ONWARD_COMPLEX64:
      return "<c8";
    case ONWARD_COMPLEX128:
      return "<c16";
    default:
      return "|u1";
  }
}

bool is_packed(onward_dtype t) {
  return t == ONWARD_INT4 || t == ONWARD_UINT4 || t == ONWARD_INT2 || t == ONWARD_UINT2 ||
         t == ONWARD_FLOAT4E2M1;
}

// The packed types (several elements a byte) are shown as one row of bytes.
nb::dict array_interface(const Value& v) {
  if (v.kind() != ONWARD_TENSOR || v.dtype() == ONWARD_STRING)
    raise_type_error("only a tensor of numbers has an array interface");
  nb::dict out;
  out["version"] = 3;
  out["typestr"] = array_type(v.dtype());
  out["shape"] = is_packed(v.dtype()) ? nb::make_tuple(v.bytes()) : shape_of(v);
  // numpy takes a null pointer for "no memory", even of an empty array.
  static char nothing;
  void* const data = v.raw() ? v.raw() : &nothing;
  out["data"] = nb::make_tuple(reinterpret_cast<uintptr_t>(data), false);
  return out;
}

nb::dlpack::dtype dlpack_type(onward_dtype dtype) {
  using Code = nb::dlpack::dtype_code;
  auto type = [](Code code, int bits) {
    return nb::dlpack::dtype{static_cast<uint8_t>(code), static_cast<uint8_t>(bits), 1};
  };
  switch (dtype) {
    case ONWARD_FLOAT32:
      return type(Code::Float, 32);
    case ONWARD_FLOAT64:
      return type(Code::Float, 64);
    case ONWARD_FLOAT16:
      return type(Code::Float, 16);
    case ONWARD_BFLOAT16:
      return type(Code::Bfloat, 16);
    case ONWARD_INT8:
      return type(Code::Int, 8);
    case ONWARD_INT16:
      return type(Code::Int, 16);
    case ONWARD_INT32:
      return type(Code::Int, 32);
    case ONWARD_INT64:
      return type(Code::Int, 64);
    case ONWARD_UINT8:
      return type(Code::UInt, 8);
    case ONWARD_UINT16:
      return type(Code::UInt, 16);
    case ONWARD_UINT32:
      return type(Code::UInt, 32);
    case ONWARD_UINT64:
      return type(Code::UInt, 64);
    case ONWARD_BOOL:
      return type(Code::Bool, 8);
    case ONWARD_COMPLEX64:
      return type(Code::Complex, 64);
    case ONWARD_COMPLEX128:
      return type(Code::Complex, 128);
    default:
      throw nb::type_error("DLPack has no name for this element type");
  }
}

// A DLPack capsule of the value's memory, which it keeps alive.
nb::object to_dlpack(nb::handle self) {
  const Value& v = nb::cast<const Value&>(self);
  if (v.kind() != ONWARD_TENSOR) raise_type_error("only a tensor can be given to DLPack");
  std::vector<size_t> shape;
  for (int64_t d : v.shape()) shape.push_back(static_cast<size_t>(d));
  const nb::ndarray<> array(v.raw(), shape.size(), shape.data(), self, nullptr, dlpack_type(v.dtype()));
  return nb::cast(array);
}

onward_dtype onward_type(nb::dlpack::dtype t) {
  for (int i = ONWARD_FLOAT32; i <= ONWARD_BFLOAT16; ++i) {
    if (i == ONWARD_STRING) continue;
    const auto candidate = static_cast<onward_dtype>(i);
    if (dlpack_type(candidate) == t) return candidate;
  }
  throw nb::type_error("this element type of DLPack has no counterpart in ONNX");
}

// On the memory of any object with __dlpack__ (or a capsule of it). None where it is not on the CPU or not
// contiguous.
nb::object from_dlpack(nb::ndarray<> array, bool is_bool) {
  if (array.device_type() != nb::device::cpu::value) return nb::none();
  std::vector<int64_t> shape;
  int64_t expected = 1;
  for (size_t i = array.ndim(); i-- > 0;) {
    const auto n = static_cast<int64_t>(array.shape(i));
    if (n > 1 && array.stride(i) != expected) return nb::none();
    expected *= n;
    shape.insert(shape.begin(), n);
  }
  const onward_dtype dtype = is_bool ? ONWARD_BOOL : onward_type(array.dtype());
  return nb::cast(wrap_memory(dtype, shape, array.data(), array.nbytes(), array));
}

}  // namespace

void onward_python::add_values(nb::module_& m) {
  nb::class_<Value>(m, "Value")
      .def(nb::init<>())  // nothing, as an empty optional
      .def_static("wrap", &wrap, nb::arg("dtype"), nb::arg("shape"), nb::arg("buffer"),
                  nb::arg("writable") = false)
      .def_static("wrap_address", &wrap_address, nb::arg("dtype"), nb::arg("shape"), nb::arg("address"),
                  nb::arg("bytes"), nb::arg("owner").none())
      .def_static("create", &create, nb::arg("dtype"), nb::arg("shape"))
      .def_static("strings", &strings, nb::arg("shape"), nb::arg("texts"))
      .def_static(
          "sequence", [](const std::vector<Value>& items) { return Value::sequence(items); },
          nb::arg("items"))
      .def_static("map", &map, nb::arg("key_type"), nb::arg("keys"), nb::arg("items"))
      .def_static(
          "sparse",
          [](const Value& values, const Value& indices, const std::vector<int64_t>& shape) {
            return Value::sparse(values, indices, shape);
          },
          nb::arg("values"), nb::arg("indices"), nb::arg("shape"))
      .def_static("from_dlpack", &from_dlpack, nb::arg("array"), nb::arg("is_bool") = false)
      .def_prop_ro("kind", [](const Value& v) { return static_cast<int>(v.kind()); })
      .def_prop_ro("dtype", [](const Value& v) { return static_cast<int>(v.dtype()); })
      .def_prop_ro("shape", &shape_of)
      .def_prop_ro("nbytes", &Value::bytes)
      .def_prop_ro("address", [](const Value& v) { return reinterpret_cast<uintptr_t>(v.raw()); })
      .def_prop_ro("__array_interface__", &array_interface)
      .def("dlpack", &to_dlpack)
      .def("read_strings", &read_strings)
      .def("__len__", &Value::size)
      .def("at", &Value::at, nb::arg("index"))
      .def("map_items", &map_items)
      .def("sparse_parts", &sparse_parts);
}
