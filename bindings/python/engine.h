// The parts of the extension module `onward._engine`. It is a thin layer: it knows the library's types and
// the interpreter's, and nothing of the interface that users see, which is Python (onward/*.py).
#pragma once
#include <nanobind/nanobind.h>

#include "onward/onward.hpp"

namespace onward_python {

// Each adds its classes to the module.
void add_values(nanobind::module_& m);
void add_models(nanobind::module_& m);
void add_sessions(nanobind::module_& m);

// Gives the library its decoder of pictures.
void set_decoder();

}  // namespace onward_python
