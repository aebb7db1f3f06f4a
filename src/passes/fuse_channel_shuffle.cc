// Reshape [N, C, s...] -> [N, g, C / g, s...], Transpose of axes 1 and 2, Reshape back becomes
// onward.ChannelShuffle. Image operators keep channels innermost; there the three would cost three passes
// over memory, one is enough.
#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

const SymShape* shape_of(const ir::Value* v) { return v && v->type().shape ? &*v->type().shape : nullptr; }

// Whether `perm` swaps axes 1 and 2 of `rank`, and no others.
bool swaps_groups(const ir::Node& transpose, size_t rank) {
  const auto perm = AttrReader(transpose).maybe_integers("perm");
  if (!perm || perm->size() != rank) return false;
  for (size_t i = 0; i < rank; ++i) {
    const size_t want = i == 1 ? 2 : i == 2 ? 1 : i;
    if ((*perm)[i] != static_cast<int64_t>(want)) return false;
  }
  return true;
}

// The groups of the shuffle that ends at `last`, and the image that it reads; 0: it is none.
int64_t groups_of(const ir::Node& last, ir::Value** image, Why& why) {
  const ir::Node* transpose = last.is("Reshape") ? made_by(last.input(0), "Transpose") : nullptr;
  const ir::Node* first = transpose ? made_by(transpose->input(0), "Reshape") : nullptr;
  if (!first) return 0;
  const SymShape *x = shape_of(first->input(0)), *split = shape_of(first->output(0)),
                 *y = shape_of(last.output(0));
  // Of images, with the one axis split in two; heads of attention are rearranged by other nodes like these.
  if (!x || !split || x->size() < 3 || split->size() != x->size() + 1 || (y && y->size() != x->size()) ||
      !swaps_groups(*transpose, split->size()))
    return 0;
  for (size_t i = 0; i < x->size(); ++i)
    if (i != 1 && !((*x)[i] == (*split)[i ? i + 1 : 0])) return 0;
  for (const ir::Node* n : {first, transpose})
    if (only_reader(n->output(0)) == nullptr)
      return why.no(2, ReadersOf{n->output(0)}, "; only the shuffle may read it"), 0;
  if (!y) return why.no(2, "the shape of ", last.output(0), " is not known"), 0;
  for (size_t i = 0; i < x->size(); ++i)
    if (!((*x)[i] == (*y)[i]))
      return why.no(3, "the result is ", last.output(0)->type(), ", expected that of the image, ",
                    first->input(0)->type()),
             0;
  const auto groups = (*split)[1].constant(), each = (*split)[2].constant(), channels = (*x)[1].constant();
  if (!groups || !each || !channels || *groups < 1 || *groups * *each != *channels)
    return why.no(3, "the channels of ", first->input(0)->type(), " and their groups are not known numbers"),
           0;
  if (first->input(0)->type().dtype != DType::kFloat32)
    return why.no(4, "the image is ", first->input(0)->type(), ", expected float"), 0;
  *image = first->input(0);
  return *groups;
}

}  // namespace

Result<int> fuse_channel_shuffle(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    ir::Value* image = nullptr;
    Why why(missed, *node);
    const int64_t groups = groups_of(*node, &image, why);
    if (groups == 0) continue;
    patch.drop_trailing_inputs(node.get(), 1);
    patch.set_input(node.get(), 0, image);
    node->op_type = "ChannelShuffle", node->domain = "onward";
    node->attributes = {{"groups", groups}};
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
