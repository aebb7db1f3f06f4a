// The full check: the model is imported, past each node that fails, and what inference finds is held against
// what the file declares. A symbol (dim_param) stands for one number in the whole model.
#include "passes/check/meaning.h"
#include "passes/check/report.h"
#include "passes/import.h"

namespace ow::check {
namespace {

class Observer final : public ImportObserver {
 public:
  explicit Observer(Report& r) : r_(r) {}

  void node_failed(const onnx::Node& node, Status why) override {
    if (r_.bad_nodes.count(&node)) return;  // the structure has told it already
    auto it = r_.node_places.find(&node);
    const std::string at = it == r_.node_places.end() ? "" : it->second;
    std::string message(why.message());
    if (why.code() == Code::kUnsupported)
      r_.add("W1002", at, std::move(message), "", "what comes after it is checked less");
    else if (why.code() == Code::kInvalidModel)
      failed(node, at, std::move(message));
    else
      r_.add("W1003", at, std::move(message), "", "the node could not be checked");
  }
  void initializer_failed(std::string_view name, Status why) override {
    if (!r_.has_errors())
      r_.add("E1001", cat("graph.initializer ", quoted(name)), std::string(why.message()));
  }
  void value(const std::string& name, const ir::Value& value) override { types_[name] = value.type(); }

  void failed(const onnx::Node& node, const std::string& at, std::string message) {
    r_.add("E1001", at, std::move(message));
    r_.bad_nodes.insert(&node);
  }

  const ir::Type* type_of(std::string_view name) const {
    auto it = types_.find(std::string(name));
    return it == types_.end() ? nullptr : &it->second;
  }

 private:
  Report& r_;
  std::unordered_map<std::string, ir::Type> types_;
};

class Declared {
 public:
  Declared(Report& r, const Observer& inferred) : r_(r), inferred_(inferred) {}

  void list(const std::vector<onnx::ValueInfo>& infos, const char* what) {
    for (size_t i = 0; i < infos.size(); ++i) {
      if (!infos[i].type) continue;
      const ir::Type* found = inferred_.type_of(or_default(infos[i].name));
      auto declared = import_type(*infos[i].type);
      if (found && declared.ok())
        compare(*declared, *found, cat("graph.", what, "[", i, "] ", quoted(or_default(infos[i].name))));
    }
  }

 private:
  void compare(const ir::Type& declared, const ir::Type& found, const std::string& at) {
    using Kind = ir::Type::Kind;
    if (declared.kind == Kind::kUnknown || found.kind == Kind::kUnknown) return;
    // A value where an optional one may be, or the other way round (a loop that starts with none).
    if (declared.kind == Kind::kOptional && found.kind != Kind::kOptional && declared.element)
      return compare(*declared.element, found, at);
    if (found.kind == Kind::kOptional && declared.kind != Kind::kOptional && found.element)
      return compare(declared, *found.element, at);
    if (declared.kind != found.kind || (found.dtype != DType::kUndefined &&
                                        declared.dtype != DType::kUndefined && declared.dtype != found.dtype))
      return r_.add("E1004", at, cat("inference finds ", found.text()), cat(declared.text(), ", as declared"),
                    "correct the declaration");
    if (declared.element && found.element) return compare(*declared.element, *found.element, at);
    if (!declared.shape || !found.shape) return;
    if (declared.shape->size() != found.shape->size())
      return r_.add("E1005", at, cat("inference finds ", found.text()), cat(declared.text(), ", as declared"),
                    "correct the declaration");
    for (size_t i = 0; i < found.shape->size(); ++i)
      dim((*declared.shape)[i], (*found.shape)[i], i, declared, found, at);
  }

  void dim(const Dim& declared, const Dim& found, size_t axis, const ir::Type& d, const ir::Type& f,
           const std::string& at) {
    auto size = found.constant();
    if (declared.constant() && size && *declared.constant() != *size)
      r_.add("E1006", at, cat("inference finds ", f.text()),
             cat(d.text(), " by the declaration, differs in axis ", axis), "correct the declaration");
    // A lone symbol that inference knows as a number.
    if (!size || declared.is_constant() || declared.is_unknown()) return;
    auto [it, fresh] = sizes_.emplace(declared.text(), std::pair(*size, at));
    if (!fresh && it->second.first != *size)
      r_.add("E1007", at, cat("symbol ", quoted(declared.text()), " is ", *size, " in axis ", axis),
             cat(it->second.first, ", as in ", it->second.second), "use a symbol for each size");
  }

  Report& r_;
  const Observer& inferred_;
  std::map<std::string, std::pair<int64_t, std::string>> sizes_;
};

}  // namespace

void check_inference(Report& r, const std::shared_ptr<onnx::ModelFile>& file) {
  Observer observer(r);
  const bool clean = !r.has_errors();
  auto imported = import_model(file, {}, &observer);
  if (!imported.ok()) {
    const Code code = imported.status().code();
    if (code == Code::kInvalidModel ? clean : true)
      r.add(code == Code::kInvalidModel ? "E1001" : "W1003", "graph",
            std::string(imported.status().message()), "",
            code == Code::kInvalidModel ? "" : "types and shapes were not checked");
    return;
  }
  Declared declared(r, observer);
  declared.list(r.model.graph->input, "input");
  declared.list(r.model.graph->value_info, "value_info");
  declared.list(r.model.graph->output, "output");
  check_constraints(r, [&](std::string_view name) { return observer.type_of(name); });
  check_meaning(r, *imported->graph);
}

}  // namespace ow::check
