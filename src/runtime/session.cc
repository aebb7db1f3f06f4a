#include "runtime/session.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/log.h"
#include "base/machine.h"
#include "base/stop.h"
#include "base/thread_pool.h"
#include "ops/op/random.h"
#include "tensor/memory_reuse.h"

namespace ow {

Result<std::shared_ptr<Session>> Session::create(std::shared_ptr<Model> model,
                                                 const SessionOptions& options) {
  std::shared_ptr<Session> s(new Session);
  s->model_ = std::move(model);
  s->options_ = options;
  if (s->options_.threads <= 0) s->options_.threads = usable_threads();
  for (const std::string& p : options.providers) {
    if (p == "cpu" || p == "CPU" || p == "CPUExecutionProvider") continue;
    std::string note = cat("provider '", printable(p), "' is not in this build; this build has: cpu");
    if (options.strict_providers) return unsupported(note);
    s->log(LogLevel::kWarning, note, "; its nodes run on the cpu");
    s->placement_notes_.push_back(std::move(note));
  }
  ONWARD_TRY(s->compile());
  give_back_free_memory();  // what the passes needed, before runs need theirs
  s->arena_memory_ = make_budget(options.memory);
  s->profiling_ = options.profile || !options.profile_path.empty();
  return s;
}

namespace {

bool repeats_symbol(const std::vector<PortInfo>& ports) {
  std::set<std::string> seen;
  for (const PortInfo& p : ports)
    for (const Dim& d : p.type.is_tensor() && p.type.shape ? *p.type.shape : SymShape())
      if (!d.is_constant() && !d.is_unknown() && !seen.insert(d.text()).second) return true;
  return false;
}

}  // namespace

PlanOptions Session::plan_options() const {
  return {.threads = options_.threads,
          .strict = options_.strict_math,
          .let_go = [file = &model_->file()](std::span<const std::byte> bytes) { file->let_go(bytes); }};
}

Result<std::shared_ptr<const Plan>> Session::compile_tuned(const std::shared_ptr<ir::Graph>& graph) const {
  if (options_.tuning == TuningUse::kOff) return compile_plan(graph, plan_options());
  Tuning tuning(options_.tuning, options_.tuning_file);
  const TuningScope scope(&tuning);
  auto plan = compile_plan(graph, plan_options());
  const size_t measured = tuning.measured();
  if (Status s = tuning.save(); !s.ok())
    log(LogLevel::kWarning, "what was measured is not kept: ", s.message());
  else if (measured > 0)
    log(LogLevel::kInfo, "measured the methods of ", measured, " layers, kept in '", printable(tuning.path()),
        "'");
  return plan;
}

Status Session::compile() {
  const auto start = Budget::Clock::now();
  const auto since_ms = [&] {
    return std::chrono::duration<double, std::milli>(Budget::Clock::now() - start).count();
  };
  Model::Import imported = ONWARD_TRY(model_->import(options_.overrides));
  inputs_ = std::move(imported.inputs);
  outputs_ = std::move(imported.outputs);
  passes_ = ONWARD_TRY(
      run_pipeline(*imported.graph, options_.level, -1, options_.skipped_passes, options_.strict_math));
  for (const PassReport& p : passes_)
    log(LogLevel::kVerbose, "pass ", p.name, ": ", p.changes, " changes, ", p.ms, " ms");
  const MemoryReuse reuse;  // packed weights go where the weights were
  main_.plan = ONWARD_TRY(compile_tuned(imported.graph));
  log(LogLevel::kInfo, "compiled graph '", printable(plan().graph->name), "' to ", plan().steps.size(),
      " steps for ", options_.threads, " threads in ", since_ms(), " ms");
  if (!repeats_symbol(inputs_)) options_.overrides = {};
  return {};
}

Result<Session::Compiled*> Session::separate(const std::string& conflict) {
  std::lock_guard lock(separate_mutex_);
  if (separate_) return separate_.get();
  log(LogLevel::kWarning, conflict,
      "; for inputs like these the model is compiled once more, with every size "
      "by itself");
  ImportOverrides overrides = options_.overrides;
  overrides.separate_symbols = true;
  Model::Import imported = ONWARD_TRY(model_->import(std::move(overrides)));
  ONWARD_TRY(
      run_pipeline(*imported.graph, options_.level, -1, options_.skipped_passes, options_.strict_math));
  auto made = std::make_unique<Compiled>();
  made->plan = ONWARD_TRY(compile_tuned(imported.graph));
  separate_ = std::move(made);
  return separate_.get();
}

Session::~Session() {
  if (options_.profile_path.empty()) return;
  try {
    if (Status s = profiler_.write_trace(options_.profile_path); !s.ok()) log(LogLevel::kError, s.message());
  } catch (const std::exception&) {  // no memory for a trace: nobody is left to tell
  }
}

template <class... T>
void Session::log(LogLevel level, const T&... parts) const {
  if (level < options_.log_level.value_or(log_level())) return;
  const std::string text =
      options_.log_id.empty() ? cat(parts...) : cat("[", options_.log_id, "] ", parts...);
  if (options_.log_sink) return options_.log_sink(level, text);
  log_message(level, text);
}

namespace {

std::string expected_names(const std::vector<PortInfo>& ports) {
  std::vector<std::string> names;
  for (const PortInfo& p : ports) names.push_back(cat("'", printable(p.name), "'"));
  return list_text(names, "", "");
}

// Whether a value is of the declared kind, and what it holds, too. An optional may be what it holds, or
// nothing.
bool fits(const ir::Type& type, const Value& value) {
  using Kind = ir::Type::Kind;
  const auto element_fits = [&](const Value& v) { return !type.element || fits(*type.element, v); };
  switch (type.kind) {
    case Kind::kTensor:
      return value.tensor() && (type.dtype == DType::kUndefined || type.dtype == value.tensor()->dtype());
    case Kind::kSparseTensor:
      return value.sparse() && value.sparse()->values.dtype() == type.dtype;
    case Kind::kSequence:
      return value.sequence() &&
             std::all_of(value.sequence()->begin(), value.sequence()->end(), element_fits);
    case Kind::kOptional:
      return !value.has_value() || element_fits(value);
    case Kind::kMap:
      if (!value.map()) return false;
      return std::all_of(value.map()->items.begin(), value.map()->items.end(), [&](const auto& item) {
        return std::holds_alternative<std::string>(item.first) == (type.dtype == DType::kString) &&
               element_fits(item.second);
      });
    default:
      return true;
  }
}

// A fed tensor must have the declared type and rank, and the declared sizes where these are fixed.
// `conflict` is told of a symbol that stood for another size before.
Status check_input(const PortInfo& port, const Value& value,
                   std::map<std::string, std::pair<int64_t, std::string>>& symbols, std::string& conflict) {
  const Tensor* t = value.tensor();
  const std::string where = cat("input '", printable(port.name), "'");
  if (!port.type.is_tensor()) {
    if (!fits(port.type, value))
      return invalid_argument(where, " is of another kind or element type than ", port.type);
    return {};
  }
  if (!t) return invalid_argument(where, " is not a tensor, expected ", port.type);
  const std::string found = cat(t->dtype(), t->shape());
  if (port.type.dtype != DType::kUndefined && port.type.dtype != t->dtype())
    return invalid_argument(where, " is ", found, ", expected ", port.type);
  if (!port.type.shape) return {};
  if (port.type.shape->size() != t->rank())
    return invalid_argument(where, " is ", found, ", expected ", port.type);
  for (size_t i = 0; i < t->rank(); ++i) {
    const Dim& d = (*port.type.shape)[i];
    if (d.is_constant()) {
      if (!d.is(t->dim(i)))
        return invalid_argument(where, " is ", found, ", expected ", port.type, " (axis ", i, ")");
    } else if (!d.is_unknown()) {
      auto [it, fresh] = symbols.emplace(d.text(), std::pair(t->dim(i), port.name));
      if (!fresh && it->second.first != t->dim(i) && conflict.empty())
        conflict = cat(where, " has size ", t->dim(i), " in axis ", i, ", but '", d, "' is ",
                       it->second.first, " in input '", printable(it->second.second), "'");
    }
  }
  return {};
}

}  // namespace

Result<Session::Arranged> Session::arrange(std::span<const std::pair<std::string_view, Value>> inputs) const {
  const auto& ports = inputs_;
  Arranged out{std::vector<Value>(ports.size()), {}};
  std::vector<Value>& arranged = out.values;
  std::vector<bool> fed(ports.size(), false);
  for (const auto& [name, value] : inputs) {
    auto it = std::find_if(ports.begin(), ports.end(),
                           [&, &name = name](const PortInfo& p) { return p.name == name; });
    if (it == ports.end())
      return invalid_argument("the model has no input '", printable(name), "'; it has ",
                              expected_names(ports));
    const auto i = static_cast<size_t>(it - ports.begin());
    if (fed[i]) return invalid_argument("input '", printable(name), "' is given twice");
    fed[i] = true;
    arranged[i] = value;
  }
  std::map<std::string, std::pair<int64_t, std::string>> symbols;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (!fed[i] && ports[i].is_optional) {
      arranged[i] = Value(*plan().graph->inputs()[i]->default_value);
      continue;
    }
    if (!fed[i])
      return invalid_argument("input '", printable(ports[i].name), "' is missing, expected ", ports[i].type);
    ONWARD_TRY(check_input(ports[i], arranged[i], symbols, out.conflict));
    if (Tensor* t = arranged[i].tensor(); t && !t->is_dense()) *t = ONWARD_TRY(t->owned());
  }
  return out;
}

Result<std::shared_ptr<const Binding>> Session::binding_for(Compiled& compiled,
                                                            std::span<const Value> inputs) {
  auto& bindings = compiled.bindings;
  std::string key;
  std::vector<ir::Fact> facts;
  for (const Value& v : inputs) {
    const Tensor* t = v.tensor();
    if (t) {
      key += cat(t->dtype(), t->shape(), ";");
      facts.push_back({ir::Type::tensor(t->dtype(), symbolic(t->shape())), {}, {}});
    } else {
      key += "?;";
      facts.push_back({inputs_[facts.size()].type, {}, {}});
    }
  }
  {
    std::lock_guard lock(mutex_);
    for (auto it = bindings.begin(); it != bindings.end(); ++it)
      if (it->first == key) {
        bindings.splice(bindings.begin(), bindings, it);
        return it->second;
      }
  }
  auto made = ONWARD_TRY(bind_shapes(*compiled.plan, facts));
  std::lock_guard lock(mutex_);
  bindings.emplace_front(std::move(key), made);
  if (bindings.size() > kMaxBindings) bindings.pop_back();
  return made;
}

std::unique_ptr<Frame> Session::take_frame(Compiled& compiled) {
  std::lock_guard lock(mutex_);
  if (compiled.idle.empty()) return std::make_unique<Frame>(compiled.plan);
  auto frame = std::move(compiled.idle.back());
  compiled.idle.pop_back();
  return frame;
}

Result<std::vector<size_t>> Session::wanted_outputs(std::span<const std::string_view> names) const {
  std::vector<size_t> wanted;
  for (std::string_view name : names) {
    auto it =
        std::find_if(outputs_.begin(), outputs_.end(), [&](const PortInfo& p) { return p.name == name; });
    if (it == outputs_.end())
      return invalid_argument("the model has no output '", printable(name), "'; it has ",
                              expected_names(outputs_));
    wanted.push_back(static_cast<size_t>(it - outputs_.begin()));
  }
  if (names.empty())
    for (size_t i = 0; i < outputs_.size(); ++i) wanted.push_back(i);
  return wanted;
}

std::shared_ptr<Budget> Session::budget_for(const RunOptions& options, int64_t limit) const {
  auto budget = make_budget(options_.memory);
  if (limit > 0) budget->set_memory_limit(limit);
  // Longer than a year is for ever, and would overflow the clock's nanoseconds.
  if (options.timeout.count() > 0 && options.timeout < std::chrono::hours(24 * 365))
    budget->set_deadline(Budget::Clock::now() + options.timeout);
  budget->set_cancel_flag(options.cancel);
  return budget;
}

namespace {

// Memory of a caller's value that a target may not overlap while the run goes on.
void add_memory(const Value& value, std::vector<std::pair<const std::byte*, const std::byte*>>& out) {
  if (const Tensor* t = value.tensor()) out.emplace_back(t->raw(), t->raw() + t->bytes());
  if (const Sequence* s = value.sequence())
    for (const Value& v : *s) add_memory(v, out);
  if (const MapValue* m = value.map())
    for (const auto& [key, v] : m->items) add_memory(v, out);
  if (const SparseValue* s = value.sparse())
    for (const Tensor* t : {&s->values, &s->indices}) out.emplace_back(t->raw(), t->raw() + t->bytes());
}

// Outputs that may be computed in their target, by the model's output index. Null where they are copied.
Result<std::vector<Tensor>> direct_targets(std::span<Tensor* const> targets, std::span<const size_t> wanted,
                                           size_t outputs,
                                           std::span<const std::pair<std::string_view, Value>> inputs) {
  std::vector<std::pair<const std::byte*, const std::byte*>> fed, taken;
  for (const auto& [name, value] : inputs) add_memory(value, fed);
  std::vector<Tensor> direct(outputs);
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!targets[i] || targets[i]->bytes() == 0) continue;
    const auto overlaps = [begin = targets[i]->raw(), end = targets[i]->raw() + targets[i]->bytes()](
                              auto& m) { return begin < m.second && m.first < end; };
    if (std::any_of(taken.begin(), taken.end(), overlaps))
      return invalid_argument("the memory given for output ", i, " overlaps that of another output");
    taken.emplace_back(targets[i]->raw(), targets[i]->raw() + targets[i]->bytes());
    if (direct[wanted[i]].has_value() || std::any_of(fed.begin(), fed.end(), overlaps)) continue;
    // Counted as owned memory, so that nothing copies it on the way out.
    static const auto kCallers = std::make_shared<const char>('\0');
    direct[wanted[i]] = Tensor::borrow(targets[i]->dtype(), targets[i]->shape(), targets[i]->raw(), kCallers);
  }
  return direct;
}

Status fill_target(const PortInfo& port, Value& result, Tensor& target) {
  const Tensor* t = result.tensor();
  if (!t)
    return invalid_argument("output '", printable(port.name),
                            "' is no tensor, so memory cannot be given for it");
  if (t->dtype() != target.dtype() || !(t->shape() == target.shape()))
    return invalid_argument("output '", printable(port.name), "' is ", t->dtype(), t->shape(),
                            ", the tensor given for it is ", target.dtype(), target.shape());
  if (t->raw() != target.raw()) copy_elements(*t, target);
  result = Value();
  return {};
}

// The node whose output is the largest in the memory plan.
std::string largest_step(const Plan& plan, const Binding& binding) {
  const ir::Node* node = nullptr;
  int64_t most = -1;
  for (const Step& step : plan.steps)
    for (int slot : step.outputs)
      if (slot >= 0 && step.node && binding.bytes[static_cast<size_t>(slot)] > most) {
        most = binding.bytes[static_cast<size_t>(slot)];
        node = step.node;
      }
  return node ? node->label() : "no node";
}

Result<Tensor> copy_of(const Tensor& t, const std::shared_ptr<Budget>& budget) {
  Tensor copy = ONWARD_TRY(Tensor::allocate(t.dtype(), t.shape(), budget));
  copy_elements(t, copy);
  return copy;
}

// Outputs are the caller's to write to: none is memory of the model, of an input or of another output.
Status unshare(std::vector<Value>& results, const std::shared_ptr<Budget>& budget) {
  for (Value& value : results) {
    if (const SparseValue* s = value.sparse()) {
      const Tensor values = ONWARD_TRY(copy_of(s->values, budget)),
                   indices = ONWARD_TRY(copy_of(s->indices, budget));
      value = SparseValue{values, indices, s->dense_shape};
      continue;
    }
    Tensor* t = value.tensor();
    // One handle here is the only one, unless an input, a constant or another output has it, too.
    if (t && t->owner().use_count() != 1) *t = ONWARD_TRY(copy_of(*t, budget));
  }
  return {};
}

}  // namespace

Result<std::vector<Value>> Session::run(std::span<const std::pair<std::string_view, Value>> inputs,
                                        std::span<const std::string_view> outputs, const RunOptions& options,
                                        std::span<Tensor* const> targets) {
  const auto start = Budget::Clock::now();
  const std::vector<size_t> wanted = ONWARD_TRY(wanted_outputs(outputs));
  Arranged arranged = ONWARD_TRY(arrange(inputs));
  Compiled& compiled = arranged.conflict.empty() ? main_ : *ONWARD_TRY(separate(arranged.conflict));
  const std::vector<Tensor> direct =
      targets.empty() ? std::vector<Tensor>()
                      : ONWARD_TRY(direct_targets(targets, wanted, outputs_.size(), inputs));
  int64_t limit = options.memory_limit_bytes > 0 ? options.memory_limit_bytes : options_.memory_limit_bytes;
  if (limit <= 0) limit = usable_memory_bytes();
  const auto budget = budget_for(options, limit);
  auto binding = ONWARD_TRY(binding_for(compiled, arranged.values));
  if (binding->total_bytes > limit)
    return limit_exceeded("these input shapes need ", binding->total_bytes, " bytes, most of them at ",
                          largest_step(*compiled.plan, *binding), "; the memory limit is ", limit, " bytes");
  // The arenas outlive the run and its budget; the run is charged for them while it lasts.
  if (Status s = budget->acquire(binding->total_bytes); !s.ok())
    return std::move(s).context("the memory plan for these input shapes");
  StopScope scope(options.cancel || options.timeout.count() > 0 ? budget.get() : nullptr);
  const RandomScope random(options_.random_seed, runs_.fetch_add(1, std::memory_order_relaxed));
  auto frame = take_frame(compiled);
  const RunOfRegions regions(options_.threads);
  auto results =
      frame->run(arranged.values, binding.get(),
                 {options_.threads, budget, profiling_ ? &profiler_ : nullptr, arena_memory_, direct});
  budget->release(binding->total_bytes);
  {
    std::lock_guard lock(mutex_);
    compiled.idle.push_back(std::move(frame));
  }
  if (options.trim_after) trim();
  if (!results.ok()) return results;
  std::vector<Value> chosen;
  for (size_t i : wanted) {
    const auto sparse = model_->sparse_outputs().find(i);
    chosen.push_back(sparse == model_->sparse_outputs().end() ? (*results)[i] : Value(sparse->second));
  }
  results->clear();
  for (size_t i = 0; i < targets.size(); ++i)
    if (targets[i]) ONWARD_TRY(fill_target(outputs_[wanted[i]], chosen[i], *targets[i]));
  ONWARD_TRY(unshare(chosen, budget));
  log(LogLevel::kVerbose, "ran in ",
      std::chrono::duration<double, std::milli>(Budget::Clock::now() - start).count(), " ms");
  return chosen;
}

std::string Session::placement_json() const {
  std::string out = "{\"notes\":[";
  for (size_t i = 0; i < placement_notes_.size(); ++i)
    out += cat(i ? "," : "", json_string(placement_notes_[i]));
  out += "],\"nodes\":[";
  bool first = true;
  for (const Step& step : plan().steps) {
    if (step.kind != Step::Kind::kOperator) continue;
    out += cat(first ? "" : ",\n", "{\"name\":", json_string(step.node->name),
               ",\"op\":", json_string(step.node->op_type), ",\"provider\":\"cpu\"}");
    first = false;
  }
  return out + "]}";
}

std::string Session::report_json() const {
  static constexpr const char* kLevels[] = {"off", "basic", "full"};
  std::string out = cat(
      "{\"threads\":", options_.threads, ",\"optimization\":\"", kLevels[static_cast<int>(options_.level)],
      "\",\"nodes\":", plan().graph->nodes().size(), ",\"steps\":", plan().steps.size(), ",\"passes\":[");
  for (size_t i = 0; i < passes_.size(); ++i)
    out += cat(i ? "," : "", "{\"name\":", json_string(passes_[i].name), ",\"changes\":", passes_[i].changes,
               ",\"ms\":", passes_[i].ms, "}");
  return out + "]}";
}

void Session::start_profile() {
  profiler_.clear();
  profiling_ = true;
}

void Session::trim() {
  std::scoped_lock lock(separate_mutex_, mutex_);
  for (Compiled* c : {&main_, separate_.get()}) {
    if (!c) continue;
    c->idle.clear();
    c->bindings.clear();
  }
}

}  // namespace ow
