// The extension module: its parts, the log level, and how a failure of the library becomes a Python
// exception.
//
// Which exception class is decided in Python: onward._errors.from_engine(code, detail, message) returns an
// instance. The function is looked up when something fails, so that nothing here outlives the interpreter.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/python/engine.h"

namespace nb = nanobind;

namespace {

void raise_as_python(const onward::Error& e) {
  try {
    const nb::object made =
        nb::module_::import_("onward._errors")
            .attr("from_engine")(static_cast<int>(e.code()), static_cast<int>(e.detail()), e.what());
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.ptr())), made.ptr());
  } catch (nb::python_error& failed) {
    failed.restore();
  }
}

}  // namespace

NB_MODULE(_engine, m) {
  nb::set_leak_warnings(false);  // a session that lives until the interpreter ends is no leak
  nb::register_exception_translator([](const std::exception_ptr& p, void*) {
    try {
      std::rethrow_exception(p);
    } catch (const onward::Error& e) {
      raise_as_python(e);
    }
  });
  m.def("library_version", &onward::version);
  m.def("build_info", &onward::build_info);
  m.def("available_providers", &onward::available_providers);
  m.def("config_keys", &onward::config_keys);
  m.def(
      "set_log_level", [](int level) { onward::set_log_level(level); }, nb::arg("level"));
  m.def(
      "set_thread_spin_us", [](int64_t us) { onward::api().set_thread_spin_us(us); }, nb::arg("us"));
  onward_python::add_values(m);
  onward_python::add_models(m);
  onward_python::add_sessions(m);
  onward_python::set_decoder();
}
