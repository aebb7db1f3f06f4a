// What an operator is, in one place. A file src/ops/<stem>.cc defines one operator (or a family whose rows
// differ by one expression) and ends with
//
//   ONWARD_OPS(softmax) {
//     return {op<Attrs>({.name = "Softmax", .read = read, .infer = infer, .run = run, .in_place = {{0,
//     0}}})};
//   }
//
// CMake lists the files; nothing registers itself at start-up and no existing file is edited.
//
//   read     typed attributes out of a node (errors: a missing required attribute, a wrong type or value)
//   infer    output types, symbolic shapes, small integer contents
//   upgrade  turns a node of an older opset into the newest meaning (see Rewriter)
//   lower    the operator as a graph of other operators, for those without `run` (or when a provider lacks
//   it) prepare  work done once per plan on constant inputs, e.g. packing weights run      the CPU kernel
//   call
//
// Arity, type constraints and attribute names come from the schema facts (ir/schema.h), so they are not
// repeated here: nodes are held against them before any function below is called.
#pragma once
#include <any>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/op/attributes.h"
#include "ops/op/infer.h"
#include "ops/op/rewrite.h"
#include "ops/op/run.h"

namespace ow {

// What physical layouts an operator can work on. The planner converts at the edges of a region only.
enum class LayoutRule {
  kDense,         // inputs arrive row-major and dense; outputs are made so (default)
  kElementwise,   // one common axis order for all inputs of the output's rank (broadcast inputs of lower rank
                  // or scalars arrive dense); strided; outputs take that order. `run` must honour strides().
  kChannelsLast,  // input 0, those in `images` and output 0 (rank >= 3) are channels-last with a pixel
                  // stride; other inputs dense. `run` sees logical NC... shapes with strides: strides()[1] ==
                  // 1, strides()[last]
                  // == pixel stride.
  kTranspose,     // output 0 is a strided view of input 0
  kAlongAxes,     // one common memory order for all inputs of input 0's rank; outputs of that rank take it.
                  // `run` sees those tensors dense, with their axes in memory order: it finds an axis by
                  // read_axis() and makes an output that lacks some by out_without().
  kUnread,        // only types and shapes of the inputs are looked at, so they arrive as they are
};

// Element types by bit: bit i stands for the DType with code i.
using TypeMask = uint32_t;
constexpr TypeMask type_bit(DType t) { return TypeMask{1} << static_cast<int>(t); }
template <class... T>
constexpr TypeMask types = (type_bit(dtype_of<T>) | ...);
constexpr TypeMask kAllTypes = ~TypeMask{0};

struct OpTraits {
  // Types that `run` computes in for the schema's type variables. A tensor of another type that the schema
  // allows is widened for this operator and its results narrowed back (float16 by way of float, int4 by way
  // of int8, ...): see passes/widen.cc.
  TypeMask native = kAllTypes;
  LayoutRule layout = LayoutRule::kDense;
  // {input, output}: the output may use the input's memory when nobody else needs it any more.
  std::vector<std::pair<int, int>> in_place = {};
  // Output 0 is input `view_of` under another shape (dense); no data moves. -1: none.
  int view_of = -1;
  bool deterministic = true;  // false: never folded, never merged with an equal node
  // Inputs whose *contents* decide the output's shape (e.g. the shape input of Reshape), as a bit mask.
  uint32_t shape_inputs = 0;
  // LayoutRule::kChannelsLast: the inputs beside input 0 that arrive as it does, as a bit mask.
  uint32_t images = 0;
};

class Op {
 public:
  virtual ~Op() = default;
  std::string_view name, domain;
  OpTraits traits;
  bool can_run = false, can_lower = false, can_upgrade = false, has_prepare = false;

  // `attrs` is what `read` returned for the node. `node` stays owned by its graph.
  using Attrs = std::shared_ptr<const void>;
  virtual Result<Attrs> read(const AttrReader& a) const = 0;
  virtual Status infer(const void* attrs, InferContext& c) const = 0;
  virtual Status upgrade(Rewriter& c) const = 0;
  virtual Status lower(const void* attrs, Rewriter& c) const = 0;
  virtual Result<std::any> prepare(const void* attrs, PrepareContext& c) const = 0;
  virtual Status run(const void* attrs, RunContext& c) const = 0;
};

// The typed form in which an operator file states its functions.
template <class A>
struct OpSpec {
  std::string_view name;
  std::string_view domain = "";
  Result<A> (*read)(const AttrReader&) = nullptr;  // null: A{} (an operator without attributes)
  Status (*infer)(const A&, InferContext&) = nullptr;
  Status (*upgrade)(Rewriter&) = nullptr;
  Status (*lower)(const A&, Rewriter&) = nullptr;
  Result<std::any> (*prepare)(const A&, PrepareContext&) = nullptr;
  Status (*run)(const A&, RunContext&) = nullptr;
  TypeMask native = kAllTypes;
  LayoutRule layout = LayoutRule::kDense;
  std::vector<std::pair<int, int>> in_place = {};
  int view_of = -1;
  bool deterministic = true;
  uint32_t shape_inputs = 0;
  uint32_t images = 0;
};

struct NoAttrs {};

template <class A>
std::unique_ptr<Op> op(OpSpec<A> spec) {
  struct Typed final : Op {
    OpSpec<A> s;
    explicit Typed(OpSpec<A> spec) : s(std::move(spec)) {}
    static const A& cast(const void* attrs) { return *static_cast<const A*>(attrs); }
    Result<Attrs> read(const AttrReader& a) const override {
      if (!s.read) return Attrs(std::make_shared<const A>());
      A attrs = ONWARD_TRY(s.read(a));
      if (!a.error().ok()) return a.error().clone();
      return Attrs(std::make_shared<const A>(std::move(attrs)));
    }
    Status infer(const void* a, InferContext& c) const override { return s.infer(cast(a), c); }
    Status upgrade(Rewriter& c) const override { return s.upgrade(c); }
    Status lower(const void* a, Rewriter& c) const override { return s.lower(cast(a), c); }
    Result<std::any> prepare(const void* a, PrepareContext& c) const override {
      return s.prepare(cast(a), c);
    }
    Status run(const void* a, RunContext& c) const override { return s.run(cast(a), c); }
  };
  auto made = std::make_unique<Typed>(std::move(spec));
  made->name = made->s.name;
  made->domain = made->s.domain;
  made->traits = {made->s.native,        made->s.layout,       made->s.in_place, made->s.view_of,
                  made->s.deterministic, made->s.shape_inputs, made->s.images};
  made->can_run = made->s.run != nullptr;
  made->can_lower = made->s.lower != nullptr;
  made->can_upgrade = made->s.upgrade != nullptr;
  made->has_prepare = made->s.prepare != nullptr;
  return made;
}

// So that a file's list can hold move-only elements: ONWARD_OPS(x) { return {op<A>(...), op<B>(...)}; }
class OpList {
 public:
  template <class... T>
  OpList(std::unique_ptr<T>... ops) {
    (items_.push_back(std::move(ops)), ...);
  }
  explicit OpList(std::vector<std::unique_ptr<Op>> ops) : items_(std::move(ops)) {}
  std::vector<std::unique_ptr<Op>> take() && { return std::move(items_); }

 private:
  std::vector<std::unique_ptr<Op>> items_;
};

// The operator of that name with its newest meaning, or null. Thread-safe; built on first use.
const Op* find_op(std::string_view domain, std::string_view name);
const std::vector<const Op*>& all_ops();  // sorted by domain, then name

}  // namespace ow

#define ONWARD_OPS(stem) ::ow::OpList onward_ops_of_##stem()
