// RunContext: what a CPU kernel call sees: input values, memory for outputs, scratch memory, threads, a
// budget.
#pragma once
#include <any>
#include <functional>
#include <span>
#include <vector>

#include "base/budget.h"
#include "base/thread_pool.h"
#include "ir/graph.h"
#include "tensor/value.h"

namespace ow {

// Once per plan, before any run: constant inputs may be transformed (weights packed). The result is shared by
// all contexts and read-only.
class PrepareContext {
 public:
  PrepareContext(const ir::Node& node, int threads, bool strict = false)
      : node_(node), threads_(threads), strict_(strict) {}
  const ir::Node& node() const { return node_; }
  size_t inputs() const { return node_.inputs().size(); }
  const Tensor* constant(size_t i) const {
    const ir::Value* v = node_.input(i);
    return v && v->is_constant() ? &*v->fact.constant : nullptr;
  }
  const ir::Fact* fact(size_t i) const { return node_.input(i) ? &node_.input(i)->fact : nullptr; }
  int threads() const { return threads_; }
  // Whether products of float32 are to be summed in double, in the operator's own order, and rounded once.
  bool strict() const { return strict_; }
  // A constant that `run` will not read any more because its packed form replaces it.
  void drop(size_t i) { dropped_ |= uint32_t{1} << i; }
  uint32_t dropped() const { return dropped_; }
  template <class... T>
  Status error(const T&... parts) const {
    return invalid_model(node_.label(), ": ", parts...);
  }

 private:
  const ir::Node& node_;
  int threads_;
  bool strict_;
  uint32_t dropped_ = 0;
};

class RunContext {
 public:
  virtual ~RunContext() = default;

  const ir::Node& node() const { return *node_; }
  size_t inputs() const { return inputs_.size(); }
  size_t outputs() const { return outputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i] && inputs_[i]->has_value(); }
  bool wants(size_t o) const { return o < outputs_.size() && outputs_[o]; }
  // An input tensor. Dense and row-major unless the operator's LayoutRule says otherwise. The input must be a
  // present tensor (the schema check and inference have seen to the kind).
  const Tensor& in(size_t i) const { return *inputs_[i]->tensor(); }
  const Value& value(size_t i) const { return *inputs_[i]; }

  // Memory for output `o`, from the memory plan where there is one, in the layout that the plan chose for it.
  // Call once per output, after checking the inputs. The returned tensor's contents are undefined, unless the
  // output took over an input's memory (`in_place`).
  virtual Result<Tensor> out(size_t o, DType dtype, const Shape& shape) = 0;
  // LayoutRule::kAlongAxes: the same for an output that lacks axes of the inputs. `dropped[place]` for each
  // axis of the inputs; `shape` has the extents of the others, in the inputs' order. The output is complete
  // when `run` returns.
  virtual Result<Tensor> out_without(size_t o, DType dtype, const Shape& shape,
                                     const std::vector<bool>& dropped) {
    (void)dropped;
    return out(o, dtype, shape);
  }
  // LayoutRule::kAlongAxes: where each axis of the inputs is in memory order; empty: where it is anyway.
  std::span<const uint8_t> axis_places() const { return axis_places_; }
  // Makes `value` output `o`: containers, views of inputs.
  void set(size_t o, Value value) {
    if (wants(o)) *outputs_[o] = std::move(value);
  }
  // 64-byte aligned memory until the end of this call.
  virtual Result<std::span<std::byte>> scratch(int64_t bytes) = 0;
  template <class T>
  Result<std::span<T>> scratch_of(int64_t count) {
    auto bytes = ONWARD_TRY(scratch(count * static_cast<int64_t>(sizeof(T))));
    return std::span<T>(reinterpret_cast<T*>(bytes.data()), static_cast<size_t>(count));
  }

  // Runs subgraph `g` (one of this node's graph attributes) with these inputs.
  virtual Result<std::vector<Value>> run_subgraph(const ir::Graph& g, std::span<const Value> inputs) = 0;
  // The same for a subgraph that runs again and again, `iteration` counting from 0. `outputs` has a place for
  // each output of `g`; what is put there may be memory that the iteration after the next writes again, so it
  // can be the next one's input, but is to be copied if it is to stay.
  virtual Status iterate(const ir::Graph& g, int64_t iteration, std::span<const Value> inputs,
                         std::span<Value> outputs) {
    (void)iteration;
    auto results = ONWARD_TRY(run_subgraph(g, inputs));
    for (size_t o = 0; o < results.size(); ++o) outputs[o] = ONWARD_TRY(results[o].owned(budget()));
    return {};
  }

  // What `prepare` returned; null if it returned nothing or a T of another kind.
  template <class T>
  const T* prepared() const {
    return prepared_ ? std::any_cast<T>(prepared_) : nullptr;
  }

  int threads() const { return threads_; }
  bool strict() const { return strict_; }  // see PrepareContext::strict
  const std::shared_ptr<Budget>& budget() const { return *budget_; }
  void parallel_for(int64_t n, int64_t grain, ChunkFunction fn) const {
    ow::parallel_for(n, grain, threads_, fn);
  }

  // An InvalidArgument error located at this node, for faults that only the data of a run can have.
  template <class... T>
  Status error(const T&... parts) const {
    return invalid_argument(node_->label(), ": ", parts...);
  }

 protected:
  const ir::Node* node_ = nullptr;
  std::vector<const Value*> inputs_;
  std::vector<Value*> outputs_;
  std::span<const uint8_t> axis_places_;
  const std::any* prepared_ = nullptr;
  int threads_ = 1;
  bool strict_ = false;
  const std::shared_ptr<Budget>* budget_ = nullptr;  // never null in a call; what it points to may be
};

// Integer contents of a 0-D or 1-D int32/int64/bool tensor.
Result<std::vector<int64_t>> read_ints(const RunContext& c, size_t i);
// axis in [0, rank), or an error that names the node. For tensors in memory order: the place of that axis.
Result<int64_t> read_axis(const RunContext& c, int64_t axis, size_t rank);

}  // namespace ow
