// The C interface: sessions and their runs.
#include "base/task_queue.h"
#include "runtime/c_api.h"

namespace ow::capi {
namespace {

Status fill_request(onward_session* s, const onward_run_options* options, const char* const* input_names,
                    const onward_value* const* inputs, size_t input_count, const char* const* output_names,
                    size_t output_count, onward_value* const* targets, RunRequest& out) {
  if (!s) return null_argument("session");
  if (input_count && (!input_names || !inputs)) return null_argument(input_names ? "inputs" : "input_names");
  out.session = s->session;
  ONWARD_TRY(read_run_options(options, out));
  for (size_t i = 0; i < input_count; ++i) {
    if (!input_names[i]) return null_argument("an input name");
    out.input_names.emplace_back(input_names[i]);
    out.inputs.push_back(inputs[i] ? inputs[i]->value : Value());
  }
  for (size_t i = 0; i < output_count; ++i) {
    if (!output_names || !output_names[i]) return null_argument("an output name");
    out.output_names.emplace_back(output_names[i]);
  }
  if (targets) {
    const size_t count = output_count ? output_count : s->session->outputs().size();
    out.targets.assign(targets, targets + count);
  }
  return {};
}

}  // namespace

Status read_run_options(const onward_run_options* given, RunRequest& request) {
  const auto o = ONWARD_TRY(read_struct(given, "onward_run_options"));
  // The caller may free the handle while the run goes on.
  if (o.cancel) request.cancel = o.cancel->flag;
  request.options = {std::chrono::microseconds(o.timeout_us), request.cancel.get(), o.memory_limit_bytes,
                     o.trim_after != 0};
  return {};
}

Result<std::vector<std::unique_ptr<onward_value>>> run(const RunRequest& request) {
  std::vector<std::pair<std::string_view, Value>> fed;
  for (size_t i = 0; i < request.inputs.size(); ++i)
    fed.emplace_back(request.input_names[i], request.inputs[i]);
  const std::vector<std::string_view> wanted(request.output_names.begin(), request.output_names.end());
  std::vector<Tensor*> targets;
  for (size_t i = 0; i < request.targets.size(); ++i) {
    targets.push_back(tensor_of(request.targets[i]));
    if (request.targets[i] && !targets.back())
      return invalid_argument("the value given for output ", i, " is no tensor");
  }
  auto results = ONWARD_TRY(request.session->run(fed, wanted, request.options, targets));
  std::vector<std::unique_ptr<onward_value>> made;
  for (size_t i = 0; i < results.size(); ++i) {
    const bool filled = i < targets.size() && targets[i];
    made.push_back(filled ? nullptr : std::unique_ptr<onward_value>(new_value(std::move(results[i]))));
  }
  return made;
}

onward_status* session_create(onward_model* m, const onward_session_options* options, onward_session** out) {
  return guarded([&]() -> Status {
    if (!m || !out) return null_argument(m ? "session" : "model");
    auto made = std::make_unique<onward_session>();
    made->session = ONWARD_TRY(Session::create(m->model, ONWARD_TRY(read_session_options(options))));
    const onnx::Graph& graph = *m->model->file().model.graph;
    made->inputs = describe(made->session->inputs(), graph.input);
    made->outputs = describe(made->session->outputs(), graph.output);
    *out = made.release();
    return {};
  });
}
void session_free(onward_session* s) { delete s; }

// Writes to the targets that are given; the outputs without one become new values.
Status run_now(onward_session* s, const onward_run_options* options, const char* const* input_names,
               const onward_value* const* inputs, size_t input_count, const char* const* output_names,
               size_t output_count, onward_value* const* targets, onward_value** outputs) {
  if (!outputs) return null_argument("outputs");
  RunRequest request;
  ONWARD_TRY(fill_request(s, options, input_names, inputs, input_count, output_names, output_count, targets,
                          request));
  auto made = ONWARD_TRY(run(request));
  for (size_t i = 0; i < made.size(); ++i)
    if (made[i]) outputs[i] = made[i].release();
  return {};
}

onward_status* session_run(onward_session* s, const onward_run_options* options,
                           const char* const* input_names, const onward_value* const* inputs,
                           size_t input_count, const char* const* output_names, size_t output_count,
                           onward_value** outputs) {
  return guarded([&] {
    return run_now(s, options, input_names, inputs, input_count, output_names, output_count, nullptr,
                   outputs);
  });
}

onward_status* session_run_into(onward_session* s, const onward_run_options* options,
                                const char* const* input_names, const onward_value* const* inputs,
                                size_t input_count, const char* const* output_names, size_t output_count,
                                onward_value** outputs) {
  return guarded([&] {
    return run_now(s, options, input_names, inputs, input_count, output_names, output_count, outputs,
                   outputs);
  });
}

onward_status* session_run_async(onward_session* s, const onward_run_options* options,
                                 const char* const* input_names, const onward_value* const* inputs,
                                 size_t input_count, const char* const* output_names, size_t output_count,
                                 onward_value* const* outputs, onward_done_fn done, void* user) {
  return guarded([&]() -> Status {
    if (!done) return null_argument("done");
    auto request = std::make_shared<RunRequest>();
    ONWARD_TRY(fill_request(s, options, input_names, inputs, input_count, output_names, output_count, outputs,
                            *request));
    const auto start = std::chrono::steady_clock::now();
    return run_later([request, done, user, start] {
      std::vector<onward_value*> handles;
      onward_status* status = guarded([&]() -> Status {
        // The time in the queue counts.
        if (request->options.timeout.count() > 0) {
          const auto waited =
              std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
          request->options.timeout =
              std::max(request->options.timeout - waited, std::chrono::microseconds(1));
        }
        auto made = ONWARD_TRY(run(*request));
        handles.reserve(made.size());
        for (size_t i = 0; i < made.size(); ++i)
          handles.push_back(made[i] ? made[i].release() : request->targets[i]);
        return {};
      });
      done(user, status, status ? nullptr : handles.data(), handles.size());
    });
  });
}

const char* session_placement_json(onward_session* s) {
  if (!s) return "";
  return guarded_text([&] {
    std::lock_guard lock(s->mutex);
    if (s->placement.empty()) s->placement = s->session->placement_json();
    return s->placement.c_str();
  });
}
const char* session_profile_json(onward_session* s) {
  if (!s) return "[]";
  return guarded_text([&] {
    std::lock_guard lock(s->mutex);
    s->profile = s->session->profiler().summary_json();
    return s->profile.c_str();
  });
}
void session_trim(onward_session* s) {
  if (s) s->session->trim();
}

size_t session_input_count(const onward_session* s) { return s ? s->inputs.size() : 0; }
size_t session_output_count(const onward_session* s) { return s ? s->outputs.size() : 0; }
onward_status* session_input(const onward_session* s, size_t i, onward_value_info* out) {
  return guarded([&] { return s ? fill_info(s->inputs, i, out) : null_argument("session"); });
}
onward_status* session_output(const onward_session* s, size_t i, onward_value_info* out) {
  return guarded([&] { return s ? fill_info(s->outputs, i, out) : null_argument("session"); });
}

onward_status* session_profile_start(onward_session* s) {
  return guarded([&]() -> Status {
    if (!s) return null_argument("session");
    s->session->start_profile();
    return {};
  });
}
onward_status* session_profile_stop(onward_session* s) {
  return guarded([&]() -> Status {
    if (!s) return null_argument("session");
    s->session->stop_profile();
    return {};
  });
}
onward_status* session_trace_json(onward_session* s, onward_text** out) {
  return guarded([&]() -> Status {
    if (!s || !out) return null_argument(s ? "text" : "session");
    *out = new_text(s->session->profiler().trace_json());
    return {};
  });
}
onward_status* session_report_json(onward_session* s, onward_text** out) {
  return guarded([&]() -> Status {
    if (!s || !out) return null_argument(s ? "text" : "session");
    *out = new_text(s->session->report_json());
    return {};
  });
}

}  // namespace ow::capi
