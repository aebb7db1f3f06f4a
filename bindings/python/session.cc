// `Model`, `Options`, `Session` and `CancelToken`. Whatever may wait for a lock of the library's gives the
// interpreter's lock up first: other Python threads go on meanwhile, and a release of borrowed memory, which
// needs the interpreter, cannot wait for a thread that waits for it.
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bindings/python/engine.h"

namespace nb = nanobind;
using onward::Model;
using onward::Session;
using onward::Value;

namespace {

// (name, type text, kind, element type, shape or None, symbols, has a default)
nb::list ports(const std::vector<onward::ValueInfo>& infos) {
  nb::list out;
  for (const auto& v : infos) {
    nb::list shape;
    for (size_t i = 0; i < v.shape.size(); ++i) {
      if (!v.symbols[i].empty())
        shape.append(v.symbols[i]);
      else if (v.shape[i] < 0)
        shape.append(nb::none());
      else
        shape.append(v.shape[i]);
    }
    out.append(nb::make_tuple(v.name, v.type, static_cast<int>(v.kind), static_cast<int>(v.dtype),
                              v.has_rank ? nb::object(shape) : nb::none(), v.is_optional));
  }
  return out;
}

using Initializers = std::vector<std::pair<std::string, Value>>;
using Sizes = std::map<std::string, int64_t>;

// `files`: external data that is in memory, to which the model may point for as long as it lives.
onward::ModelOptions model_options(const std::string& folder, const Initializers& initializers,
                                   const nb::dict& files) {
  onward::ModelOptions o{folder, initializers, {}};
  for (const auto& [name, data] : files) {
    const auto bytes = nb::cast<nb::bytes>(data);
    o.files.emplace_back(nb::cast<std::string>(name),
                         std::span(static_cast<const std::byte*>(bytes.data()), bytes.size()));
  }
  return o;
}

Model load(const std::string& path, const std::string& folder, const Initializers& initializers,
           const nb::dict& files) {
  const auto o = model_options(folder, initializers, files);
  nb::gil_scoped_release unlocked;
  return Model(path, o);
}

Model load_bytes(const nb::bytes& bytes, const std::string& folder, const Initializers& initializers,
                 const nb::dict& files) {
  const auto o = model_options(folder, initializers, files);
  const auto* data = static_cast<const std::byte*>(bytes.data());
  const size_t size = bytes.size();
  nb::gil_scoped_release unlocked;
  return Model(std::span(data, size), o);
}

void make_options(onward::SessionOptions* self, int threads, int optimization, int64_t memory_limit_bytes,
                  const std::vector<std::string>& providers, bool strict, bool profile,
                  const Sizes& dim_names, const Sizes& denotations, const std::string& log_id, int log_level,
                  const std::map<std::string, std::string>& config) {
  auto& o = *new (self) onward::SessionOptions;
  o.threads = threads;
  o.optimization = static_cast<onward_optimization>(optimization);
  o.memory_limit_bytes = memory_limit_bytes;
  o.providers = providers;
  o.strict_providers = strict;
  o.profile = profile;
  o.dims.assign(dim_names.begin(), dim_names.end());
  o.denotations.assign(denotations.begin(), denotations.end());
  o.log_id = log_id;
  if (log_level >= 0) o.log_level = log_level;
  o.config.assign(config.begin(), config.end());
}

Session open(const Model& model, const onward::SessionOptions& options) {
  nb::gil_scoped_release unlocked;
  return Session(model, options);
}

// Asks a Python function (name, value, (location, offset, bytes) or None) where an initializer is. What it
// raises is kept by whoever made the function.
struct Placer {
  nb::object function;
  std::string location;

  static int32_t call(void* user, const char* name, const onward_value* value, const char** location,
                      int64_t* offset, int64_t* bytes) {
    auto& self = *static_cast<Placer*>(user);
    nb::gil_scoped_acquire locked;
    try {
      const Value shared = Value::made([&](onward_value** v) { return onward::api().value_share(value, v); });
      const nb::object was = *location ? nb::object(nb::make_tuple(*location, *offset, *bytes)) : nb::none();
      const nb::object answer = self.function(name, shared, was);
      if (answer.is_none()) return 0;
      const auto [file, at, size] = nb::cast<std::tuple<std::string, int64_t, int64_t>>(answer);
      self.location = file;
      *location = self.location.c_str(), *offset = at, *bytes = size;
      return 1;
    } catch (const std::exception&) {
      return -1;
    }
  }
};

nb::bytes optimize(const Model& model, const onward::SessionOptions& options, const std::string& path,
                   const std::string& data_file, int64_t threshold_bytes, nb::object place) {
  Placer placer{place, {}};
  onward_save_options save{};
  save.size = sizeof save;
  save.path = path.empty() ? nullptr : path.c_str();
  save.data_file = data_file.empty() ? nullptr : data_file.c_str();
  save.threshold_bytes = threshold_bytes;
  if (!place.is_none()) save.place = Placer::call;
  save.place_user = &placer;
  std::string made;
  {
    nb::gil_scoped_release unlocked;
    const onward::detail::SessionArguments arguments(options);
    const auto call = [&](onward_text** t) {
      return onward::api().model_optimize(model.get(), arguments.c(), &save, t);
    };
    if (path.empty())
      made = onward::detail::text_of(call);
    else
      onward::detail::check(call(nullptr));
  }
  return nb::bytes(made.data(), made.size());
}

// `given[i]`, if there is one, is the tensor that output i is written to.
std::vector<Value> run(const Session& session, const onward::Inputs& inputs,
                       const std::vector<std::string>& outputs,
                       const std::vector<std::optional<Value>>& given, const onward::CancelToken* cancel,
                       int64_t timeout_us, int64_t memory_limit_bytes, bool trim_after) {
  const onward_run_options options =
      onward::RunOptions{std::chrono::microseconds(timeout_us), cancel, memory_limit_bytes, trim_after}
          .to_c();
  const auto input_names = onward::detail::names_of(inputs);
  const auto output_names = onward::detail::pointers_to(outputs);
  std::vector<const onward_value*> fed;
  for (const auto& [name, value] : inputs) fed.push_back(value.get());
  std::vector<onward_value*> made(outputs.size());
  for (size_t i = 0; i < given.size() && i < made.size(); ++i)
    if (given[i]) made[i] = given[i]->get();
  std::vector<Value> results;
  nb::gil_scoped_release unlocked;
  onward::detail::check(onward::api().session_run_into(session.get(), &options, input_names.data(),
                                                       fed.data(), fed.size(), output_names.data(),
                                                       output_names.size(), made.data()));
  for (size_t i = 0; i < made.size(); ++i)
    results.push_back(i < given.size() && given[i] ? *given[i] : Value(made[i]));
  return results;
}

}  // namespace

void onward_python::add_models(nb::module_& m) {
  nb::class_<onward::SessionOptions>(m, "Options")
      .def("__init__", &make_options, nb::kw_only(), nb::arg("threads") = 0, nb::arg("optimization") = 0,
           nb::arg("memory_limit_bytes") = 0, nb::arg("providers") = std::vector<std::string>(),
           nb::arg("strict") = false, nb::arg("profile") = false, nb::arg("dim_names") = Sizes(),
           nb::arg("denotations") = Sizes(), nb::arg("log_id") = "", nb::arg("log_level") = -1,
           nb::arg("config") = std::map<std::string, std::string>());
  nb::class_<Model>(m, "Model")
      .def_static("load", &load, nb::arg("path"), nb::arg("folder"), nb::arg("initializers"),
                  nb::arg("files"), nb::keep_alive<0, 4>())
      .def_static("load_bytes", &load_bytes, nb::arg("data"), nb::arg("folder"), nb::arg("initializers"),
                  nb::arg("files"), nb::keep_alive<0, 4>())
      .def("inputs", [](const Model& model) { return ports(model.inputs()); })
      .def("outputs", [](const Model& model) { return ports(model.outputs()); })
      .def("field", &Model::field, nb::arg("name"))
      .def("optimize", &optimize, nb::arg("options"), nb::arg("path"), nb::arg("data_file"),
           nb::arg("threshold_bytes"), nb::arg("place").none())
      .def("metadata", [](const Model& model) {
        nb::dict out;
        for (const auto& [key, value] : model.metadata()) out[key.c_str()] = value;
        return out;
      });
}

void onward_python::add_sessions(nb::module_& m) {
  nb::class_<onward::CancelToken>(m, "CancelToken")
      .def(nb::init<>())
      .def("trigger", &onward::CancelToken::trigger)
      .def("reset", &onward::CancelToken::reset);
  nb::class_<Session>(m, "Session")
      .def_static("open", &open, nb::arg("model"), nb::arg("options"), nb::keep_alive<0, 1>())
      .def("inputs", [](const Session& s) { return ports(s.inputs()); })
      .def("outputs", [](const Session& s) { return ports(s.outputs()); })
      .def("run", &run, nb::arg("inputs"), nb::arg("outputs"), nb::arg("given"), nb::arg("cancel").none(),
           nb::arg("timeout_us"), nb::arg("memory_limit_bytes"), nb::arg("trim_after"))
      .def("trace_json", &Session::trace_json, nb::call_guard<nb::gil_scoped_release>())
      .def("placement_json", &Session::placement_json, nb::call_guard<nb::gil_scoped_release>())
      .def("profile_json", &Session::profile_json, nb::call_guard<nb::gil_scoped_release>())
      .def("trim", &Session::trim, nb::call_guard<nb::gil_scoped_release>());
}
