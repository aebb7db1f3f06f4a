#include "passes/cost.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "ops/op/op.h"

namespace ow {
namespace {

// The shape of a tensor whose extents are numbers or expressions in named symbols ("?7" is neither).
const SymShape* known_shape(const ir::Value* v) {
  if (!v || !v->type().is_tensor() || !v->type().shape) return nullptr;
  for (const Dim& d : *v->type().shape) {
    bool named = true;
    d.visit_symbols([&](std::string_view s) { named &= !s.starts_with("?"); });
    if (!named) return nullptr;
  }
  return &*v->type().shape;
}

Dim elements(const SymShape& shape) { return product(shape, 0, shape.size()); }

int64_t int_attribute(const ir::Node& n, std::string_view name) {
  auto it = n.attributes.find(name);
  const auto* v = it == n.attributes.end() ? nullptr : std::get_if<int64_t>(&it->second);
  return v ? *v : 0;
}

// Operators that move, view or describe data.
bool moves_only(const ir::Node& n) {
  static constexpr std::array<std::string_view, 45> kMoves = {"Cast",
                                                              "CenterCropPad",
                                                              "Compress",
                                                              "Concat",
                                                              "ConcatFromSequence",
                                                              "Constant",
                                                              "ConstantOfShape",
                                                              "DepthToSpace",
                                                              "Dropout",
                                                              "Expand",
                                                              "EyeLike",
                                                              "Flatten",
                                                              "Gather",
                                                              "GatherElements",
                                                              "GatherND",
                                                              "Identity",
                                                              "If",
                                                              "Loop",
                                                              "OneHot",
                                                              "Optional",
                                                              "OptionalGetElement",
                                                              "OptionalHasElement",
                                                              "Pad",
                                                              "Range",
                                                              "Reshape",
                                                              "ReverseSequence",
                                                              "Scan",
                                                              "ScatterElements",
                                                              "ScatterND",
                                                              "SequenceAt",
                                                              "SequenceConstruct",
                                                              "SequenceEmpty",
                                                              "SequenceErase",
                                                              "SequenceInsert",
                                                              "SequenceLength",
                                                              "Shape",
                                                              "Size",
                                                              "Slice",
                                                              "SpaceToDepth",
                                                              "Split",
                                                              "SplitToSequence",
                                                              "Squeeze",
                                                              "Tile",
                                                              "Transpose",
                                                              "Unsqueeze"};
  return n.domain.empty() && std::binary_search(kMoves.begin(), kMoves.end(), std::string_view(n.op_type));
}

using MaybeDim = std::optional<Dim>;

// Output elements times the weights that make one of them.
MaybeDim convolution_macs(const ir::Node& n, size_t weights) {
  const SymShape *w = known_shape(n.input(weights)), *y = known_shape(n.output(0));
  if (!w || !y || w->size() < 2) return {};
  return elements(*y) * product(*w, 1, w->size());
}

MaybeDim transposed_macs(const ir::Node& n) {
  const SymShape *x = known_shape(n.input(0)), *w = known_shape(n.input(1));
  if (!x || !w || w->size() < 2) return {};
  return elements(*x) * product(*w, 1, w->size());
}

MaybeDim matrix_macs(const ir::Node& n) {
  const SymShape *a = known_shape(n.input(0)), *y = known_shape(n.output(0));
  if (!a || !y || a->empty()) return {};
  const bool transposed = n.is("Gemm") && int_attribute(n, "transA");
  return elements(*y) * (transposed ? a->front() : a->back());
}

// Q K^T and the product with V: B*H*Lq*Lk*(D + Dv); of rank 3, heads are part of the last axis.
MaybeDim attention_macs(const ir::Node& n) {
  const SymShape *q = known_shape(n.input(0)), *k = known_shape(n.input(1)), *y = known_shape(n.output(0));
  if (!q || !k || !y || q->size() < 3 || k->size() < 3 || y->size() < 3) return {};
  Dim keys = (*k)[k->size() - 2];
  if (const SymShape* past = known_shape(n.input(4)); past && past->size() == 4) keys = keys + (*past)[2];
  return keys * (elements(*q) + elements(*y));
}

MaybeDim recurrent_macs(const ir::Node& n, int64_t gates) {
  const SymShape *x = known_shape(n.input(0)), *r = known_shape(n.input(2));
  if (!x || !r || x->size() != 3 || r->size() != 3) return {};
  return (*x)[0] * (*x)[1] * (*r)[0] * Dim(gates) * (*r)[2] * ((*x)[2] + (*r)[2]);
}

// Whether the operator has a MAC formula; `macs` is empty where its shapes are not known.
bool has_macs(const ir::Node& n, MaybeDim& macs) {
  if (!n.domain.empty() && n.domain != "com.microsoft") return false;
  const std::string& op = n.op_type;
  if (op == "Conv" || op == "ConvInteger" || op == "FusedConv") return macs = convolution_macs(n, 1), true;
  if (op == "QLinearConv") return macs = convolution_macs(n, 3), true;
  if (op == "ConvTranspose") return macs = transposed_macs(n), true;
  if (op == "Gemm" || op == "MatMul" || op == "MatMulInteger" || op == "QLinearMatMul" || op == "FusedMatMul")
    return macs = matrix_macs(n), true;
  if (op == "Attention" && n.domain.empty()) return macs = attention_macs(n), true;
  if (op == "LSTM") return macs = recurrent_macs(n, 4), true;
  if (op == "GRU") return macs = recurrent_macs(n, 3), true;
  if (op == "RNN") return macs = recurrent_macs(n, 1), true;
  return false;
}

// Elements that an operator without MACs works through.
MaybeDim other_flops(const ir::Node& n) {
  const SymShape *x = known_shape(n.input(0)), *y = known_shape(n.output(0));
  const bool reduces =
      n.op_type.starts_with("Reduce") || n.op_type.starts_with("Arg") || n.op_type.starts_with("Global");
  if (reduces) return x ? MaybeDim(elements(*x)) : MaybeDim();
  if (!y) return {};
  auto kernel = n.attributes.find("kernel_shape");
  const auto* extents = kernel == n.attributes.end() ? nullptr : std::get_if<ir::Ints>(&kernel->second);
  Dim flops = elements(*y);
  for (size_t i = 0; extents && i < extents->size(); ++i) flops = flops * Dim((*extents)[i]);
  return flops;
}

// Bytes of activations alive, node by node.
class Memory {
 public:
  Memory(ir::Graph& graph, GraphCost& out) : graph_(graph), out_(out) {}

  void run(const Dim::Lookup& sample) {
    plan();
    for (int64_t fallback : {int64_t{1}, int64_t{1024}}) {
      Dim peak = peak_at([&](std::string_view s) -> std::optional<int64_t> {
        auto given = sample ? sample(s) : std::nullopt;
        return given ? given : fallback;
      });
      if (std::find(out_.peak_bytes.begin(), out_.peak_bytes.end(), peak) == out_.peak_bytes.end())
        out_.peak_bytes.push_back(peak);
    }
  }

 private:
  struct Buffer {
    Dim bytes;
    size_t first = 0, last = 0;
  };

  // The value whose memory `v` shares: through operators that only view.
  const ir::Value* root(const ir::Value* v) const {
    while (v->producer()) {
      const Op* op = find_op(v->producer()->domain, v->producer()->op_type);
      if (!op || op->traits.view_of < 0) break;
      const ir::Value* from = v->producer()->input(static_cast<size_t>(op->traits.view_of));
      if (!from || from->is_constant()) break;
      v = from;
    }
    return v;
  }

  void use(const ir::Value* v, size_t step) {
    if (!v || v->is_constant() || v->graph() != &graph_) return;
    v = root(v);
    auto [it, fresh] = buffers_.try_emplace(v);
    if (fresh) {
      it->second.first = step;
      const SymShape* shape = known_shape(v);
      const int bits = v->type().is_tensor() ? bit_width(v->type().dtype) : 0;
      if (shape && bits)
        it->second.bytes =
            bits >= 8 ? elements(*shape) * Dim(bits / 8) : ceil_div(elements(*shape) * Dim(bits), Dim(8));
      else
        ++out_.unsized_values;
    }
    it->second.last = std::max(it->second.last, step);
  }

  void plan() {
    for (const ir::Value* v : graph_.inputs()) use(v, 0);
    for (const auto& node : graph_.nodes()) {
      for (const ir::Value* v : node->inputs()) use(v, steps_);
      for (const ir::Value* v : node->outputs()) use(v, steps_);
      ++steps_;
    }
    for (auto& [v, buffer] : buffers_)
      for (const ir::Value::Use& u : v->uses())
        if (u.node->graph() != &graph_) buffer.last = steps_;  // captured by a subgraph
    for (const ir::Value* v : graph_.outputs()) use(v, steps_);
  }

  Dim peak_at(const Dim::Lookup& lookup) const {
    std::vector<double> change(steps_ + 2);
    for (const auto& [v, buffer] : buffers_) {
      const auto bytes = static_cast<double>(buffer.bytes.evaluate(lookup).value_or(0));
      change[buffer.first] += bytes;
      change[buffer.last + 1] -= bytes;
    }
    size_t at = 0;
    double alive = 0, most = -1;
    for (size_t i = 0; i <= steps_; ++i)
      if ((alive += change[i]) > most) most = alive, at = i;
    Dim sum;
    for (const auto& [v, buffer] : buffers_)
      if (buffer.first <= at && at <= buffer.last) sum = sum + buffer.bytes;
    return sum;
  }

  ir::Graph& graph_;
  GraphCost& out_;
  size_t steps_ = 0;
  std::unordered_map<const ir::Value*, Buffer> buffers_;
};

}  // namespace

NodeCost node_cost(const ir::Node& n) {
  NodeCost out{&n};
  MaybeDim macs;
  if (has_macs(n, macs)) {
    if (!macs) return out;
    out.cost = {*macs, *macs * Dim(2)};
  } else if (!moves_only(n)) {
    MaybeDim flops = other_flops(n);
    if (!flops) return out;
    out.cost.flops = *flops;
  }
  out.known = true;
  return out;
}

GraphCost graph_cost(ir::Graph& graph, const Dim::Lookup& sample) {
  GraphCost out;
  ir::visit_graphs(graph, [&](ir::Graph& g) {
    for (const auto& node : g.nodes()) {
      const NodeCost c = node_cost(*node);
      out.unknown_nodes += !c.known;
      out.loops += node->is("Loop") || node->is("Scan");
      out.total.macs = out.total.macs + c.cost.macs;
      out.total.flops = out.total.flops + c.cost.flops;
    }
  });
  Memory(graph, out).run(sample);
  return out;
}

}  // namespace ow
