// What the operators make of constants and weights: indices in range, weights of the shape that the
// recurrence or convolution asks for, scales that are not zero. Each rule states a fact of the operator's
// specification (onnx/docs/Operators.md) and looks only at what is known: an unknown extent is no error.
#include "passes/check/meaning.h"

#include "base/checked.h"

namespace ow::check {
namespace {

const SymShape* shape_of(const ir::Node& n, size_t i) {
  const ir::Value* v = n.input(i);
  return v && v->type().is_tensor() && v->type().shape ? &*v->type().shape : nullptr;
}

const Tensor* constant_of(const ir::Node& n, size_t i) {
  const ir::Value* v = n.input(i);
  return v && v->is_constant() ? &*v->fact.constant : nullptr;
}

std::optional<int64_t> extent(const SymShape* shape, size_t axis) {
  return shape && axis < shape->size() ? (*shape)[axis].constant() : std::nullopt;
}

int64_t int_attribute(const ir::Node& n, std::string_view name, int64_t fallback) {
  auto it = n.attributes.find(name);
  const auto* v = it == n.attributes.end() ? nullptr : std::get_if<int64_t>(&it->second);
  return v ? *v : fallback;
}

class Rules {
 public:
  Rules(Report& r, const ir::Node& node) : r_(r), n_(node) {}

  void check() {
    vectors();
    if (n_.is("Gather") || n_.is("GatherElements") || n_.is("ScatterElements")) return indices();
    if (n_.is("Conv") || n_.is("ConvInteger") || n_.is("QLinearConv")) return convolution();
    if (n_.is("ConvTranspose")) return transposed();
    if (n_.is("LSTM")) return recurrent(4, true);
    if (n_.is("GRU")) return recurrent(3, false);
    if (n_.is("RNN")) return recurrent(1, false);
    if (n_.is("BatchNormalization")) return batch_normalization();
    if (n_.is("QuantizeLinear") || n_.is("DequantizeLinear")) return linear_scale();
    if (n_.is("Reshape")) return reshape();
  }

 private:
  template <class... T>
  void error(const char* code, std::string expected, const T&... found) {
    r_.add(code, n_.label(), cat(found...), std::move(expected));
  }

  // The extent of an axis of input `i` against a number that must be the same.
  void expect(size_t i, size_t axis, std::optional<int64_t> wanted, const char* code, const char* why) {
    auto found = extent(shape_of(n_, i), axis);
    if (found && wanted && *found != *wanted)
      error(code, cat(*wanted, " in axis ", axis, " (", why, ")"), "input ", i, " is ",
            n_.input(i)->type().text());
  }

  void expect_rank(size_t i, size_t rank, const char* code) {
    if (const SymShape* s = shape_of(n_, i); s && s->size() != rank)
      error(code, cat("rank ", rank), "input ", i, " is ", n_.input(i)->type().text());
  }

  // Inputs that are lists: of extents, axes, positions.
  void vectors() {
    static constexpr struct {
      std::string_view op;
      uint32_t inputs;  // bit i: input i has rank 1
    } kVectors[] = {{"Col2Im", 0b110},
                    {"ConstantOfShape", 0b1},
                    {"Expand", 0b10},
                    {"Pad", 0b1010},
                    {"Reshape", 0b10},
                    {"Resize", 0b1110},
                    {"RoiAlign", 0b100},
                    {"Slice", 0b11110},
                    {"Tile", 0b10},
                    {"CenterCropPad", 0b10},
                    {"AffineGrid", 0b10},
                    {"GroupNormalization", 0b110},
                    {"InstanceNormalization", 0b110}};
    for (const auto& row : kVectors)
      if (n_.is(row.op))
        for (size_t i = 0; i < 5; ++i)
          if (row.inputs >> i & 1) expect_rank(i, 1, "E1109");
  }

  void indices() {
    const SymShape* data = shape_of(n_, 0);
    const Tensor* index = constant_of(n_, 1);
    if (!data || !index || data->empty()) return;
    auto axis = checked_index(int_attribute(n_, "axis", 0), static_cast<int64_t>(data->size()));
    auto size = axis ? extent(data, static_cast<size_t>(*axis)) : std::nullopt;
    if (!size) return;
    for (int64_t i = 0; i < index->count(); ++i) {
      const int64_t v = index->dtype() == DType::kInt64   ? index->data<int64_t>()[i]
                        : index->dtype() == DType::kInt32 ? index->data<int32_t>()[i]
                                                          : 0;
      if (!checked_index(v, *size))
        return error("E1101", cat(-*size, " to ", *size - 1), "index ", v, " into axis ", *axis, " of ",
                     n_.input(0)->type().text());
    }
  }

  void kernel_shape(size_t w) {
    auto it = n_.attributes.find("kernel_shape");
    const auto* kernel = it == n_.attributes.end() ? nullptr : std::get_if<ir::Ints>(&it->second);
    for (size_t i = 0; kernel && i < kernel->size(); ++i)
      expect(w, i + 2, (*kernel)[i], "E1102", "kernel_shape");
  }

  void convolution() {
    const size_t w = n_.is("QLinearConv") ? 3 : 1;
    const int64_t group = int_attribute(n_, "group", 1);
    if (group < 1) return error("E1103", "1 or more", "group ", group);
    auto channels = extent(shape_of(n_, 0), 1), filters = extent(shape_of(n_, w), 0);
    if (channels && *channels % group)
      error("E1103", cat("a multiple of group ", group), *channels, " input channels");
    if (filters && *filters % group)
      error("E1103", cat("a multiple of group ", group), *filters, " output channels");
    if (channels) expect(w, 1, *channels / group, "E1103", "input channels / group");
    kernel_shape(w);
    if (n_.is("Conv")) expect(2, 0, filters, "E1103", "output channels");
    if (n_.is("QLinearConv")) expect(8, 0, filters, "E1103", "output channels");
    if (n_.is("QLinearConv")) scale_length(4, filters);
  }

  void transposed() {
    const int64_t group = int_attribute(n_, "group", 1);
    auto channels = extent(shape_of(n_, 0), 1);
    if (group < 1) return error("E1103", "1 or more", "group ", group);
    expect(1, 0, channels, "E1103", "input channels");
    if (channels && *channels % group)
      error("E1103", cat("a multiple of group ", group), *channels, " input channels");
    kernel_shape(1);
  }

  void recurrent(int64_t gates, bool peephole) {
    auto direction = n_.attributes.find("direction");
    const auto* text =
        direction == n_.attributes.end() ? nullptr : std::get_if<std::string>(&direction->second);
    const int64_t directions = text && *text == "bidirectional" ? 2 : 1;
    auto hidden = extent(shape_of(n_, 2), 2);
    if (auto stated = int_attribute(n_, "hidden_size", 0); stated > 0) hidden = stated;
    for (size_t i = 0; i < 3; ++i) expect_rank(i, 3, "E1104");
    for (size_t i = 1; i < 4; ++i) expect(i, 0, directions, "E1104", "directions");
    if (!hidden || *hidden > INT32_MAX) return;
    expect(1, 1, gates * *hidden, "E1104", "gates * hidden_size");
    expect(1, 2, extent(shape_of(n_, 0), 2), "E1104", "input size");
    expect(2, 1, gates * *hidden, "E1104", "gates * hidden_size");
    expect(2, 2, *hidden, "E1104", "hidden_size");
    expect(3, 1, 2 * gates * *hidden, "E1104", "2 * gates * hidden_size");
    if (peephole) expect(7, 1, 3 * *hidden, "E1104", "3 * hidden_size");
  }

  void batch_normalization() {
    auto channels = extent(shape_of(n_, 0), 1);
    for (size_t i = 1; i < 5; ++i) {
      expect_rank(i, 1, "E1105");
      expect(i, 0, channels, "E1105", "channels");
    }
  }

  void scale_length(size_t i, std::optional<int64_t> wanted) {
    const SymShape* s = shape_of(n_, i);
    if (!s || s->size() != 1 || !wanted) return;
    auto length = (*s)[0].constant();
    if (length && *length != 1 && *length != *wanted)
      error("E1106", cat("1 or ", *wanted, " scales"), "input ", i, " is ", n_.input(i)->type().text());
  }

  void linear_scale() {
    const SymShape *x = shape_of(n_, 0), *scale = shape_of(n_, 1);
    if (x && scale && scale->size() == 1 && int_attribute(n_, "block_size", 0) == 0)
      if (auto axis = checked_index(int_attribute(n_, "axis", 1), static_cast<int64_t>(x->size())))
        scale_length(1, extent(x, static_cast<size_t>(*axis)));
    const Tensor* t = constant_of(n_, 1);
    if (!t || t->dtype() != DType::kFloat32 || !t->is_dense()) return;
    for (float v : t->span<float>())
      if (!(v > 0))
        return r_.add("W1107", n_.label(), cat("a scale of ", static_cast<double>(v)), "positive scales",
                      "calibrate again");
  }

  void reshape() {
    const Tensor* target = constant_of(n_, 1);
    if (!target || target->dtype() != DType::kInt64) return;
    int64_t unknown = 0;
    for (int64_t i = 0; i < target->count(); ++i) {
      const int64_t v = target->data<int64_t>()[i];
      unknown += v == -1;
      if (v < -1) error("E1108", "-1, 0 or an extent", "shape[", i, "] is ", v);
    }
    if (unknown > 1) error("E1108", "one at most", unknown, " extents of -1");
  }

  Report& r_;
  const ir::Node& n_;
};

}  // namespace

void check_meaning(Report& r, ir::Graph& graph) {
  ir::visit_graphs(graph, [&](ir::Graph& g) {
    for (const auto& node : g.nodes()) Rules(r, *node).check();
  });
}

}  // namespace ow::check
