#include "runtime/session.h"

#include <algorithm>
#include <set>

#include "base/log.h"

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
    log(LogLevel::kWarning, note, "; its nodes run on the cpu");
    s->placement_notes_.push_back(std::move(note));
  }
  auto graph = ONWARD_TRY(s->model_->graph());
  s->passes_ = ONWARD_TRY(run_pipeline(*graph, options.level));
  s->plan_ = ONWARD_TRY(compile_plan(graph, {.threads = s->options_.threads}));
  if (options.profile || !options.profile_path.empty()) s->profiler_ = std::make_unique<Profiler>();
  return s;
}

Session::~Session() {
  if (!profiler_ || options_.profile_path.empty()) return;
  try {
    if (Status s = profiler_->write_trace(options_.profile_path); !s.ok()) log(LogLevel::kError, s.message());
  } catch (const std::exception&) {  // no memory for a trace: nobody is left to tell
  }
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
Status check_input(const PortInfo& port, const Value& value,
                   std::map<std::string, std::pair<int64_t, std::string>>& symbols) {
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
      if (!fresh && it->second.first != t->dim(i))
        return invalid_argument(where, " has size ", t->dim(i), " in axis ", i, ", but '", d, "' is ",
                                it->second.first, " in input '", printable(it->second.second), "'");
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Value>> Session::arrange(
    std::span<const std::pair<std::string_view, Value>> inputs) const {
  const auto& ports = model_->inputs();
  std::vector<Value> arranged(ports.size());
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
      arranged[i] = Value(*plan_->graph->inputs()[i]->default_value);
      continue;
    }
    if (!fed[i])
      return invalid_argument("input '", printable(ports[i].name), "' is missing, expected ", ports[i].type);
    ONWARD_TRY(check_input(ports[i], arranged[i], symbols));
    if (Tensor* t = arranged[i].tensor(); t && !t->is_dense()) *t = ONWARD_TRY(t->owned());
  }
  return arranged;
}

Result<std::shared_ptr<const Binding>> Session::binding_for(std::span<const Value> inputs) {
  std::string key;
  std::vector<ir::Fact> facts;
  for (const Value& v : inputs) {
    const Tensor* t = v.tensor();
    if (t) {
      key += cat(t->dtype(), t->shape(), ";");
      facts.push_back({ir::Type::tensor(t->dtype(), symbolic(t->shape())), {}, {}});
    } else {
      key += "?;";
      facts.push_back({model_->inputs()[facts.size()].type, {}, {}});
    }
  }
  {
    std::lock_guard lock(mutex_);
    for (auto it = bindings_.begin(); it != bindings_.end(); ++it)
      if (it->first == key) {
        bindings_.splice(bindings_.begin(), bindings_, it);
        return it->second;
      }
  }
  auto made = ONWARD_TRY(bind_shapes(*plan_, facts));
  std::lock_guard lock(mutex_);
  bindings_.emplace_front(std::move(key), made);
  if (bindings_.size() > kMaxBindings) bindings_.pop_back();
  return made;
}

std::unique_ptr<Frame> Session::take_frame() {
  std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Frame>(plan_);
  auto frame = std::move(idle_.back());
  idle_.pop_back();
  return frame;
}

Result<std::vector<Value>> Session::run(std::span<const std::pair<std::string_view, Value>> inputs,
                                        std::span<const std::string_view> outputs,
                                        const RunOptions& options) {
  std::vector<size_t> wanted;
  for (std::string_view name : outputs) {
    const auto& ports = model_->outputs();
    auto it = std::find_if(ports.begin(), ports.end(), [&](const PortInfo& p) { return p.name == name; });
    if (it == ports.end())
      return invalid_argument("the model has no output '", printable(name), "'; it has ",
                              expected_names(ports));
    wanted.push_back(static_cast<size_t>(it - ports.begin()));
  }
  std::vector<Value> arranged = ONWARD_TRY(arrange(inputs));
  auto budget = std::make_shared<Budget>();
  const int64_t limit =
      options.memory_limit_bytes > 0 ? options.memory_limit_bytes : options_.memory_limit_bytes;
  if (limit > 0) budget->set_memory_limit(limit);
  // Longer than a year is for ever, and would overflow the clock's nanoseconds.
  if (options.timeout.count() > 0 && options.timeout < std::chrono::hours(24 * 365))
    budget->set_deadline(Budget::Clock::now() + options.timeout);
  budget->set_cancel_flag(options.cancel);
  auto binding = ONWARD_TRY(binding_for(arranged));
  if (limit > 0 && binding->arena_bytes > limit)
    return limit_exceeded("these input shapes need ", binding->arena_bytes, " bytes; the memory limit is ",
                          limit, " bytes");
  auto frame = take_frame();
  auto results = frame->run(arranged, {}, binding.get(), {options_.threads, budget, profiler_.get()});
  {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(frame));
  }
  if (!results.ok()) return results;
  ONWARD_TRY(unshare(*results, budget));
  if (outputs.empty()) return results;
  std::vector<Value> chosen;
  for (size_t i : wanted) chosen.push_back((*results)[i]);
  if (std::set<size_t>(wanted.begin(), wanted.end()).size() != wanted.size())
    ONWARD_TRY(unshare(chosen, budget));
  return chosen;
}

// Outputs are the caller's to write to: none is memory of the model, of an input or of another output.
Status Session::unshare(std::vector<Value>& results, const std::shared_ptr<Budget>& budget) const {
  std::set<const void*> seen;
  for (size_t i = 0; i < results.size(); ++i) {
    Tensor* t = results[i].tensor();
    if (!t) continue;
    // One handle here is the only one, unless an input, a constant or another output has it, too.
    const bool shared = t->owner().use_count() > 1 || !seen.insert(t->owner().get()).second;
    if (!shared) continue;
    Tensor copy = ONWARD_TRY(Tensor::allocate(t->dtype(), t->shape(), budget));
    copy_elements(*t, copy);
    *t = std::move(copy);
  }
  return {};
}

std::string Session::placement_json() const {
  std::string out = "{\"notes\":[";
  for (size_t i = 0; i < placement_notes_.size(); ++i)
    out += cat(i ? "," : "", json_string(placement_notes_[i]));
  out += "],\"nodes\":[";
  bool first = true;
  for (const Step& step : plan_->steps) {
    if (step.kind != Step::Kind::kOperator) continue;
    out += cat(first ? "" : ",\n", "{\"name\":", json_string(step.node->name),
               ",\"op\":", json_string(step.node->op_type), ",\"provider\":\"cpu\"}");
    first = false;
  }
  return out + "]}";
}

void Session::trim() {
  std::lock_guard lock(mutex_);
  idle_.clear();
  bindings_.clear();
}

}  // namespace ow
