// The C interface: contexts, which keep inputs and outputs bound from run to run.
#include "runtime/c_api.h"

struct onward_context {
  ow::capi::RunRequest request;  // targets: always one for each output name
  std::vector<std::string> result_names;
  std::vector<ow::Value> results;
};

namespace ow::capi {
namespace {

// Where `name` stands in the list of bound names; npos where it does not. InvalidArgument for a name that the
// session does not have.
Result<size_t> find(const std::vector<std::string>& bound, const std::vector<PortInfo>& ports,
                    const char* what, const char* name) {
  if (std::none_of(ports.begin(), ports.end(), [&](const PortInfo& p) { return p.name == name; }))
    return invalid_argument("the model has no ", what, " '", printable(name), "'");
  const auto it = std::find(bound.begin(), bound.end(), name);
  return it == bound.end() ? std::string::npos : static_cast<size_t>(it - bound.begin());
}

void clear_outputs(RunRequest& r) {
  for (onward_value* t : r.targets) delete t;
  r.targets.clear();
  r.output_names.clear();
}

}  // namespace

onward_status* context_create(onward_session* s, onward_context** out) {
  return guarded([&]() -> Status {
    if (!s || !out) return null_argument(s ? "context" : "session");
    auto made = std::make_unique<onward_context>();
    made->request.session = s->session;
    *out = made.release();
    return {};
  });
}

void context_free(onward_context* c) {
  if (c) clear_outputs(c->request);
  delete c;
}

onward_status* context_bind_input(onward_context* c, const char* name, const onward_value* value) {
  return guarded([&]() -> Status {
    if (!c || !name) return null_argument(c ? "name" : "context");
    RunRequest& r = c->request;
    size_t at = ONWARD_TRY(find(r.input_names, r.session->inputs(), "input", name));
    if (!value) {
      if (at == std::string::npos) return {};
      r.input_names.erase(r.input_names.begin() + static_cast<std::ptrdiff_t>(at));
      r.inputs.erase(r.inputs.begin() + static_cast<std::ptrdiff_t>(at));
      return {};
    }
    if (at == std::string::npos) {
      r.inputs.reserve(r.inputs.size() + 1);
      r.input_names.emplace_back(name);
      r.inputs.push_back(value->value);
    } else {
      r.inputs[at] = value->value;
    }
    return {};
  });
}

onward_status* context_bind_output(onward_context* c, const char* name, onward_value* value) {
  return guarded([&]() -> Status {
    if (!c || !name) return null_argument(c ? "name" : "context");
    if (value && !tensor_of(value)) return invalid_argument("the value given for an output is no tensor");
    RunRequest& r = c->request;
    size_t at = ONWARD_TRY(find(r.output_names, r.session->outputs(), "output", name));
    std::unique_ptr<onward_value> held(value ? new_value(value->value) : nullptr);
    if (at == std::string::npos) {
      r.targets.reserve(r.targets.size() + 1);
      r.output_names.emplace_back(name);
      r.targets.push_back(held.release());
    } else {
      delete std::exchange(r.targets[at], held.release());
    }
    return {};
  });
}

void context_clear(onward_context* c, int32_t inputs, int32_t outputs) {
  if (!c) return;
  if (inputs) {
    c->request.inputs.clear();
    c->request.input_names.clear();
  }
  if (outputs) clear_outputs(c->request);
}

onward_status* context_run(onward_context* c, const onward_run_options* options) {
  return guarded([&]() -> Status {
    if (!c) return null_argument("context");
    RunRequest& r = c->request;
    c->results.clear();
    c->result_names.clear();
    r.cancel = nullptr;
    ONWARD_TRY(read_run_options(options, r));
    auto made = ONWARD_TRY(run(r));
    std::vector<Value> results;
    std::vector<std::string> names = r.output_names;
    if (names.empty())
      for (const PortInfo& p : r.session->outputs()) names.push_back(p.name);
    for (size_t i = 0; i < made.size(); ++i)
      results.push_back(made[i] ? std::move(made[i]->value) : r.targets[i]->value);
    c->results = std::move(results);
    c->result_names = std::move(names);
    return {};
  });
}

size_t context_output_count(const onward_context* c) { return c ? c->results.size() : 0; }
const char* context_output_name(const onward_context* c, size_t i) {
  return c && i < c->result_names.size() ? c->result_names[i].c_str() : nullptr;
}
onward_status* context_output(const onward_context* c, size_t i, onward_value** out) {
  return guarded([&]() -> Status {
    if (!c || !out) return null_argument(c ? "value" : "context");
    if (i >= c->results.size())
      return invalid_argument("index ", i, " is outside ", c->results.size(), " results");
    *out = new_value(c->results[i]);
    return {};
  });
}

}  // namespace ow::capi
