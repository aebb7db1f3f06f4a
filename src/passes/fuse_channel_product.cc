// Einsum `bqc,bchw->bqhw`, a matrix Q per image times the channels of the image F, is linear in F. It becomes
// onward.ChannelProduct, which works on the pixels where they lie, and what is around it is reordered where
// that leaves less to do:
//
//   Conv1x1(Concat(Q F, x), W, b) = (W_Q Q) F + Conv1x1(x, W_x, b)      W = [W_Q, W_x] by input channels
//   M AveragePool(Pad(DepthToSpace(z))) = AveragePool(Pad(DepthToSpace(M z)))
//
// The first replaces two products of all pixels by one where W has at most half as many rows as Q; the
// second holds because pooling, padding that repeats the image or adds zeros, and moving blocks of channels
// to pixels treat all channels alike, and leaves them fewer channels. It re-associates sums.
#include <algorithm>

#include "ops/op/attributes.h"
#include "ops/op/evaluate.h"
#include "passes/match.h"
#include "passes/passes.h"
#include "tensor/alignment.h"

namespace ow {
namespace {

struct Terms {
  std::string matrix, image, out;
  size_t image_input = 0;
};

std::optional<Terms> terms_of(const ir::Node& einsum) {
  std::string text;
  for (char ch : AttrReader(einsum).text("equation", ""))
    if (ch != ' ') text += ch;
  const size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || arrow < comma ||
      text.find('.') != std::string::npos || text.find(',', comma + 1) != std::string::npos)
    return std::nullopt;
  Terms t{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1), text.substr(arrow + 2), 1};
  if (t.matrix.size() > t.image.size()) std::swap(t.matrix, t.image), t.image_input = 0;
  return t;
}

bool distinct(const std::string& labels) {
  return std::all_of(labels.begin(), labels.end(),
                     [&](char l) { return std::count(labels.begin(), labels.end(), l) == 1; });
}

// One Einsum, and its matrix operand as axes [b,] q, c.
struct Match {
  ir::Value *image = nullptr, *matrix = nullptr;
  ir::Ints order;        // axes of `matrix` that are b, q and c; without b two
  int64_t channels = 0;  // 0: not known
};

std::optional<int64_t> extent(const ir::Value* v, size_t axis) {
  if (!v || !v->type().shape || axis >= v->type().shape->size()) return std::nullopt;
  return (*v->type().shape)[axis].constant();
}

// The order of the matrix' axes for terms that are a product with the channels of an image; else nullopt.
std::optional<ir::Ints> order_of(const Terms& t) {
  const char b = t.image[0], c = t.image[1], q = t.out[1];
  if (!distinct(t.image) || !distinct(t.matrix) || !distinct(t.out) || t.out[0] != b ||
      t.out.substr(2) != t.image.substr(2) || t.image.find(q) != std::string::npos)
    return std::nullopt;
  const size_t b_at = t.matrix.find(b), c_at = t.matrix.find(c), q_at = t.matrix.find(q);
  if (c_at == std::string::npos || q_at == std::string::npos ||
      t.matrix.size() != (b_at == std::string::npos ? 2u : 3u))
    return std::nullopt;
  ir::Ints order;
  if (b_at != std::string::npos) order.push_back(static_cast<int64_t>(b_at));
  order.push_back(static_cast<int64_t>(q_at));
  order.push_back(static_cast<int64_t>(c_at));
  return order;
}

std::optional<Match> match(const ir::Node& node, Why& why) {
  if (!node.is("Einsum") || node.inputs().size() != 2 || !node.output(0)) return std::nullopt;
  const auto t = terms_of(node);
  if (!t || t->image.size() < 4 || t->matrix.size() > 3 || t->out.size() != t->image.size())
    return std::nullopt;
  // A sum over other axes than the image's channels is another product.
  if (t->matrix.find(t->image[1]) == std::string::npos || t->out.find(t->image[1]) != std::string::npos)
    return std::nullopt;
  Match m{node.input(t->image_input), node.input(1 - t->image_input), {}};
  auto order = order_of(*t);
  if (!order)
    return why.no(1, "the equation ", AttrReader(node).text("equation", ""),
                  " does not put the product where the image has its channels, as bqc,bchw->bqhw does");
  for (const ir::Value* v : {m.image, m.matrix})
    if (!v || v->type().dtype != DType::kFloat32 || !v->type().shape)
      return why.no(1, v, " is not float of a known number of axes");
  const SymShape &image = *m.image->type().shape, &matrix = *m.matrix->type().shape;
  if (image.size() != t->image.size() || matrix.size() != t->matrix.size()) return std::nullopt;
  m.order = *std::move(order);
  const auto axis = [&](size_t i) -> const Dim& { return matrix[static_cast<size_t>(m.order[i])]; };
  if ((m.order.size() == 3 && !axis(0).is(1) && !(axis(0) == image[0])) ||
      !(axis(m.order.size() - 1) == image[1]))
    return why.no(2, "matrix and image are ", m.matrix->type(), " and ", m.image->type(),
                  ", expected the same number of channels and of images, or one matrix");
  m.channels = image[1].constant().value_or(0);
  return m;
}

// Inserts nodes before `before`, each inferred.
class Builder {
 public:
  Builder(ir::Patch& patch, ir::Node* before) : patch_(patch), before_(before) {}
  Result<ir::Value*> add(std::string_view op, std::vector<ir::Value*> inputs, ir::Attributes attributes = {},
                         std::string_view domain = "") {
    ir::Node* node = patch_.insert(before_, op, domain, std::move(inputs), 1, std::move(attributes));
    ONWARD_TRY(infer_node(*node));
    return node->output(0);
  }
  ir::Value* ints(const std::vector<int64_t>& values) {
    return patch_.constant(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values));
  }
  ir::Value* constant(Tensor t) { return patch_.constant(std::move(t)); }

 private:
  ir::Patch& patch_;
  ir::Node* before_;
};

// [b, q, c].
Result<ir::Value*> arranged_matrix(const Match& m, Builder& add) {
  ir::Value* v = m.matrix;
  if (!std::is_sorted(m.order.begin(), m.order.end()))
    v = ONWARD_TRY(add.add("Transpose", {v}, {{"perm", m.order}}));
  return m.order.size() == 3 ? v : add.add("Unsqueeze", {v, add.ints({0})});
}

bool all_are(const ir::Ints& list, int64_t value) {
  return std::all_of(list.begin(), list.end(), [&](int64_t v) { return v == value; });
}

// The 1x1 convolution of constant weights that reads the product, perhaps behind a concatenation of channels.
struct Behind {
  ir::Node *concat = nullptr, *conv = nullptr;
  size_t place = 0;                // of the product among what is concatenated
  int64_t first = 0, outputs = 0;  // its first input channel; the convolution's output channels
};

std::optional<Behind> behind(const ir::Value* product) {
  Behind b;
  const ir::Value* v = product;
  ir::Node* reader = only_reader(v);
  if (reader && reader->is("Concat") && AttrReader(*reader).integer("axis", 0) == 1) {
    b.concat = reader;
    while (b.place < reader->inputs().size() && reader->input(b.place) != product) ++b.place;
    for (size_t i = 0; i < b.place; ++i) {
      const auto channels = extent(reader->input(i), 1);
      if (!channels) return std::nullopt;
      b.first += *channels;
    }
    v = reader->output(0);
    reader = only_reader(v);
  }
  if (!reader || !reader->is("Conv") || reader->input(0) != v) return std::nullopt;
  b.conv = reader;
  const AttrReader a(*reader);
  const ir::Value* w = reader->input(1);
  if (!w || !w->is_constant() || w->fact.constant->dtype() != DType::kFloat32 || a.integer("group", 1) != 1 ||
      !all_are(a.integers("pads"), 0) || !all_are(a.integers("strides"), 1))
    return std::nullopt;
  const Shape& s = w->fact.constant->shape();
  if (s.rank() < 3 || s.count(2, s.rank()) != 1) return std::nullopt;
  b.outputs = s[0];
  return b;
}

// w[:, first .. first + count) of 1x1 weights, as [outputs, count, 1...] or, flat, [outputs, count].
Result<Tensor> weights_part(const Tensor& stored, int64_t first, int64_t count, bool flat) {
  const Tensor w = ONWARD_TRY(aligned(stored));
  Shape shape = w.shape();
  shape[1] = count;
  Tensor part = ONWARD_TRY(Tensor::allocate(DType::kFloat32, flat ? Shape{shape[0], count} : shape));
  for (int64_t o = 0; o < shape[0]; ++o)
    std::copy_n(w.data<float>() + o * w.dim(1) + first, count, part.mutable_data<float>() + o * count);
  return part;
}

// The convolution of everything but the product, with the bias; null if there is neither.
Result<ir::Value*> convolve_others(const Behind& b, int64_t channels, Builder& add) {
  const Tensor& w = *b.conv->input(1)->fact.constant;
  const int64_t after = b.first + channels;
  if (!b.concat || b.concat->inputs().size() == 1) {
    ir::Value* bias = b.conv->input(2);
    if (!bias) return static_cast<ir::Value*>(nullptr);
    std::vector<int64_t> column(w.rank() - 1, 1);
    column[0] = b.outputs;
    return add.add("Reshape", {bias, add.ints(column)});
  }
  std::vector<ir::Value*> others;
  for (size_t i = 0; i < b.concat->inputs().size(); ++i)
    if (i != b.place) others.push_back(b.concat->input(i));
  ir::Value* x = others[0];
  if (others.size() > 1) x = ONWARD_TRY(add.add("Concat", others, {{"axis", int64_t{1}}}));
  const Tensor before = ONWARD_TRY(weights_part(w, 0, b.first, true));
  const Tensor behind = ONWARD_TRY(weights_part(w, after, w.dim(1) - after, true));
  Shape shape = w.shape();
  shape[1] = w.dim(1) - channels;
  Tensor rest = ONWARD_TRY(Tensor::allocate(DType::kFloat32, shape));
  for (int64_t o = 0; o < b.outputs; ++o) {
    float* to = rest.mutable_data<float>() + o * shape[1];
    std::copy_n(before.data<float>() + o * b.first, b.first, to);
    std::copy_n(behind.data<float>() + o * behind.dim(1), behind.dim(1), to + b.first);
  }
  std::vector<ir::Value*> inputs = {x, add.constant(std::move(rest))};
  if (b.conv->input(2)) inputs.push_back(b.conv->input(2));
  return add.add("Conv", std::move(inputs), b.conv->attributes);
}

bool pads_pixels_only(const ir::Node& pad) {
  const std::string mode = AttrReader(pad).text("mode", "constant");
  const ir::Value *amounts = pad.input(1), *value = pad.input(2);
  if (!amounts || !amounts->is_constant() || amounts->fact.constant->dtype() != DType::kInt64 ||
      pad.input(3) || (mode == "constant" && value && scalar(value) != 0.0f))
    return false;
  const Tensor& t = *amounts->fact.constant;
  const int64_t rank = t.count() / 2;
  return rank >= 3 && t.data<int64_t>()[0] == 0 && t.data<int64_t>()[1] == 0 &&
         t.data<int64_t>()[rank] == 0 && t.data<int64_t>()[rank + 1] == 0;
}

// Products of few rows with blocks of pixels in the channels have a kernel, for powers of two.
bool has_blocks(const ir::Node& node, int64_t rows) {
  if (!node.is("DepthToSpace") || rows > 8) return false;
  const AttrReader a(node);
  const int64_t block = a.integer("blocksize", 1);
  return a.text("mode", "DCR") == "CRD" && block > 0 && block <= 64 && (block & (block - 1)) == 0;
}

// The nodes that make `image` and can as well come behind the product, the last one first.
std::vector<ir::Node*> linear_steps(const ir::Value* image, int64_t rows) {
  std::vector<ir::Node*> steps;
  for (const ir::Value* v = image;;) {
    ir::Node* node = v->producer();
    if (!node || node->graph() != v->graph() || !only_reader(v) || !node->input(0)) return steps;
    const bool blocks = has_blocks(*node, rows);
    if (!blocks && !node->is("AveragePool") && !(node->is("Pad") && pads_pixels_only(*node))) return steps;
    steps.push_back(node);
    if (blocks) return steps;
    v = node->input(0);
  }
}

// matrix * image with the steps that make the image done last, if that leaves them less to do.
Result<ir::Value*> product(ir::Value* image, ir::Value* matrix, int64_t channels, Builder& add) {
  std::vector<ir::Node*> steps;
  if (const auto rows = extent(matrix, 1); rows && channels > 0 && 2 * *rows <= channels)
    steps = linear_steps(image, *rows);
  int64_t positions = 1;
  if (!steps.empty()) {
    image = steps.back()->input(0);
    if (steps.back()->is("DepthToSpace")) {
      const int64_t block = AttrReader(*steps.back()).integer("blocksize", 1);
      positions = block * block;
    }
  }
  ir::Value* y = ONWARD_TRY(add.add("ChannelProduct", {image, matrix}, {{"positions", positions}}, "onward"));
  for (size_t i = steps.size(); i-- > 0;) {
    std::vector<ir::Value*> inputs = steps[i]->inputs();
    inputs[0] = y;
    y = ONWARD_TRY(add.add(steps[i]->op_type, std::move(inputs), steps[i]->attributes));
  }
  return y;
}

// Returns whether it did.
Result<bool> fuse(const Match& m, ir::Node& einsum, ir::Patch& patch) {
  const auto b = behind(einsum.output(0));
  const auto queries = extent(einsum.output(0), 1);
  const bool folds = b && queries && m.channels > 0 && 2 * b->outputs <= *queries &&
                     b->first + *queries <= b->conv->input(1)->fact.constant->dim(1);
  // An input of the graph is planar: as it is, Einsum reads it where it lies.
  if (!folds && !m.image->producer()) return false;
  Builder add(patch, folds ? b->conv : &einsum);
  ir::Value* matrix = ONWARD_TRY(arranged_matrix(m, add));
  if (!folds) {
    patch.replace_uses(einsum.output(0), ONWARD_TRY(product(m.image, matrix, m.channels, add)));
    return true;
  }
  Tensor w = ONWARD_TRY(weights_part(*b->conv->input(1)->fact.constant, b->first, *queries, true));
  matrix = ONWARD_TRY(add.add("MatMul", {add.constant(std::move(w)), matrix}));
  ir::Value* y = ONWARD_TRY(product(m.image, matrix, m.channels, add));
  if (ir::Value* others = ONWARD_TRY(convolve_others(*b, *queries, add)))
    y = ONWARD_TRY(add.add("Add", {others, y}));
  patch.replace_uses(b->conv->output(0), y);
  return true;
}

}  // namespace

Result<int> fuse_channel_product(ir::Graph& g, MissedFusions* missed) {
  std::vector<std::pair<ir::Node*, Match>> found;
  for (const auto& node : g.nodes()) {
    Why why(missed, *node);
    if (auto m = match(*node, why)) found.emplace_back(node.get(), std::move(*m));
  }
  ir::Patch patch(g);
  int changes = 0;
  for (auto& [node, m] : found) changes += ONWARD_TRY(fuse(m, *node, patch));
  patch.erase_dead();
  return changes;
}

}  // namespace ow
