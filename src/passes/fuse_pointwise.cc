// A convolution of single pixels takes in what happens to the channels of its image before, which becomes
// onward.PointwiseConv:
//
//   Conv(activation(BatchNormalization(x)))     as in networks that normalize first (DenseNet: Huang et al.
//   2017) Conv(Mul(x, s)), s [N, C, 1, 1]             squeeze and excitation (Hu et al. 2018)
//
// The image between is read by nothing else, so it need not be one.
#include <algorithm>
#include <cmath>

#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

bool all_are(const ir::Ints& list, int64_t wanted) {
  return std::all_of(list.begin(), list.end(), [&](int64_t v) { return v == wanted; });
}

const SymShape* shape_of(const ir::Value* v) { return v && v->type().shape ? &*v->type().shape : nullptr; }

bool is_pointwise(const ir::Node& n) {
  if (!n.is("Conv") && !n.is("Conv", "onward")) return false;
  const Tensor* w = float_constant(n.input(1));
  const AttrReader a(n);
  return w && w->rank() >= 3 && w->count() > 0 && w->count() == w->dim(0) * w->dim(1) &&
         a.integer("group", 1) == 1 && all_are(a.integers("strides"), 1) && all_are(a.integers("pads"), 0) &&
         n.output(0) && n.output(0)->type().dtype == DType::kFloat32 && shape_of(n.input(0));
}

// What is done to the image before, as the last three inputs.
struct Before {
  ir::Value* image = nullptr;
  ir::Value *scale = nullptr, *mean = nullptr, *shift = nullptr;
  const ir::Node* normalization = nullptr;  // its activation is taken over
};

// x * s with one factor a channel of each image.
std::optional<Before> scaled(const ir::Node& mul, Why& why) {
  const SymShape* y = shape_of(mul.output(0));
  for (size_t i = 0; y && i < 2; ++i) {
    ir::Value *x = mul.input(i), *s = mul.input(1 - i);
    const SymShape* f = shape_of(s);
    if (!same_shape(x, mul.output(0)) || !f || f->size() != y->size() || !((*f)[1] == (*y)[1])) continue;
    bool repeats = (*f)[0].is(1) || (*f)[0] == (*y)[0];
    for (size_t axis = 2; axis < f->size(); ++axis) repeats = repeats && (*f)[axis].is(1);
    if (repeats) return Before{x, s};
  }
  return why.no(1, "the factors of ", &mul, " are ", mul.input(1)->type(), ", expected one a channel of ",
                mul.output(0)->type());
}

std::optional<Before> normalized(const ir::Node& norm, ir::Patch& patch, Why& why) {
  const Tensor* c[4];
  for (size_t i = 0; i < 4; ++i) {
    c[i] = float_constant(norm.input(i + 1));
    if (!c[i] || c[i]->count() != c[0]->count())
      return why.no(1, "what ", &norm, " normalizes with is not constant");
  }
  if (norm.outputs().size() != 1 || AttrReader(norm).flag("training_mode", false))
    return why.no(1, &norm, " is in training mode");
  const double epsilon = double{AttrReader(norm).real("epsilon", 1e-5f)};
  std::vector<float> scale;
  for (int64_t i = 0; i < c[0]->count(); ++i)
    scale.push_back(static_cast<float>(double{c[0]->data<float>()[i]} /
                                       std::sqrt(double{c[3]->data<float>()[i]} + epsilon)));
  return Before{norm.input(0), patch.constant(Tensor::of<float>({c[0]->count()}, scale)), norm.input(3),
                norm.input(2), &norm};
}

std::optional<Before> before(const ir::Node& conv, ir::Patch& patch, Why& why) {
  const ir::Value* image = conv.input(0);
  const ir::Node* maker = image->producer();
  const bool multiplies = maker && maker->is("Mul");
  const bool normalizes =
      maker && (maker->is("BatchNormalization") || maker->is("BatchNormalization", "onward"));
  if (!multiplies && !normalizes) return std::nullopt;
  if (maker->graph() != conv.graph()) return std::nullopt;
  if (only_reader(image) != &conv) return why.no(0, ReadersOf{image}, "; only ", &conv, " may read it");
  return multiplies ? scaled(*maker, why) : normalized(*maker, patch, why);
}

void fuse(const ir::Node& conv, const Before& b, ir::Patch& patch, ir::Node* at) {
  ir::Node* fused =
      patch.insert(at, "PointwiseConv", "onward",
                   {b.image, conv.input(1), conv.input(2), conv.input(3), b.scale, b.mean, b.shift}, 1, {});
  for (const char* name : {"activation", "alpha", "beta"}) {
    if (const auto own = conv.attributes.find(name); own != conv.attributes.end())
      fused->attributes.insert_or_assign(name, own->second);
    if (!b.normalization) continue;
    if (const auto its = b.normalization->attributes.find(name); its != b.normalization->attributes.end())
      fused->attributes.insert_or_assign(std::string("before_") + name, its->second);
  }
  fused->name = conv.name;
  fused->output(0)->fact = conv.output(0)->fact;
  patch.replace_uses(conv.output(0), fused->output(0));
}

}  // namespace

Result<int> fuse_pointwise(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!is_pointwise(*node)) continue;
    Why why(missed, *node);
    const auto found = before(*node, patch, why);
    if (!found) continue;
    fuse(*node, *found, patch, node.get());
    why.dismiss();
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
