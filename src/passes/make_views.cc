// Parts of a tensor that are read where they are: Slice, Split, and Gather of one index become onward.Slice,
// a view, where all who read the part take it with what lies between its elements:
//
//   Transpose, Reshape that splits axes, a further part     which are views in turn, read by such readers
//   onward.Attention, Concat                                which copy or pack what they read in any case
//   element-wise operators                                  where enough elements lie side by side
//
// Others would have the part copied first, which is all that the node itself does; and operators of images
// are quicker on pixels that lie side by side.
#include <algorithm>
#include <limits>

#include "ops/op/op.h"
#include "passes/axis_groups.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

struct Cut {
  int64_t axis = 0, start = 0, end = std::numeric_limits<int64_t>::max(), step = 1;
  bool drop = false;
  ir::Value* part = nullptr;
};

const SymShape* shape_of(const ir::Value* v) { return v && v->type().shape ? &*v->type().shape : nullptr; }

// The constant integers of an input, if it has any.
std::optional<std::vector<int64_t>> integers(const ir::Value* v) {
  if (!v || !v->is_constant() || v->fact.constant->rank() > 1) return std::nullopt;
  const Tensor& t = *v->fact.constant;
  std::vector<int64_t> out;
  for (int64_t i = 0; i < t.count(); ++i) {
    if (t.dtype() == DType::kInt64)
      out.push_back(t.data<int64_t>()[i]);
    else if (t.dtype() == DType::kInt32)
      out.push_back(t.data<int32_t>()[i]);
    else
      return std::nullopt;
  }
  return out;
}

std::optional<int64_t> axis_in(int64_t axis, size_t rank) {
  if (axis < 0) axis += static_cast<int64_t>(rank);
  return axis >= 0 && axis < static_cast<int64_t>(rank) ? std::optional(axis) : std::nullopt;
}

// A Slice, as one cut an axis; empty: its bounds are not known, or it walks backwards.
std::vector<Cut> cuts_of_slice(const ir::Node& n, size_t rank) {
  const auto starts = integers(n.input(1)), ends = integers(n.input(2));
  const auto axes = integers(n.input(3)), steps = integers(n.input(4));
  if (!starts || !ends || starts->size() != ends->size() || (n.input(3) && !axes) || (n.input(4) && !steps))
    return {};
  std::vector<Cut> cuts;
  for (size_t i = 0; i < starts->size(); ++i) {
    const auto axis = axis_in(axes && i < axes->size() ? (*axes)[i] : static_cast<int64_t>(i), rank);
    const int64_t step = steps && i < steps->size() ? (*steps)[i] : 1;
    if (!axis || step < 1) return {};
    cuts.push_back({*axis, (*starts)[i], (*ends)[i], step, false, nullptr});
  }
  return cuts;
}

// A Gather of one element without an axis for it.
std::vector<Cut> cuts_of_gather(const ir::Node& n, const SymShape& x) {
  const SymShape* picks = shape_of(n.input(1));
  const auto index = picks && picks->empty() ? integers(n.input(1)) : std::nullopt;
  const auto axis = axis_in(AttrReader(n).integer("axis", 0), x.size());
  if (!index || index->size() != 1 || !axis) return {};
  const auto extent = x[static_cast<size_t>(*axis)].constant();
  const int64_t i = index->front();
  if (!extent || i < -*extent || i >= *extent) return {};
  const int64_t at = i < 0 ? i + *extent : i;
  return {{*axis, at, at + 1, 1, true, nullptr}};
}

// The parts of a Split, one after the other.
std::vector<Cut> cuts_of_split(const ir::Node& n, const SymShape& x) {
  const auto axis = axis_in(AttrReader(n).integer("axis", 0), x.size());
  if (!axis) return {};
  std::vector<Cut> cuts;
  int64_t at = 0;
  for (ir::Value* part : n.outputs()) {
    const SymShape* s = shape_of(part);
    const auto extent =
        s && s->size() == x.size() ? (*s)[static_cast<size_t>(*axis)].constant() : std::nullopt;
    if (!extent) return {};
    cuts.push_back({*axis, at, at + *extent, 1, false, part});
    at += *extent;
  }
  return cuts;
}

bool all_read_in_place(const ir::Value& part, const std::vector<Cut>& cuts, int depth, Why& why);

// Of the elements of `part` that lie side by side, at least, there are enough for a loop over each piece.
bool has_long_pieces(const ir::Value& part, const std::vector<Cut>& cuts) {
  constexpr int64_t kPiece = 16;
  const SymShape& s = *shape_of(&part);
  size_t last = 0;
  bool steps = false;
  for (const Cut& c : cuts)
    if (static_cast<size_t>(c.axis) >= last) last = static_cast<size_t>(c.axis), steps = c.step > 1;
  if (cuts.empty() || cuts.front().drop) return false;
  const Dim piece = product(s, last + steps, s.size());
  // Channels of an image lie innermost where operators of images make it.
  const bool image = last == 1 && !steps && s.size() >= 3;
  return piece.constant().value_or(kPiece) >= kPiece &&
         (!image || s[1].constant().value_or(kPiece) >= kPiece);
}

bool reads_in_place(const ir::Node& reader, size_t input, const ir::Value& part, const std::vector<Cut>& cuts,
                    int depth, Why& why) {
  if (depth == 0) return false;
  if (reader.is("Attention", "onward")) return input < 3;
  if (reader.is("Concat")) return shape_of(reader.output(0)) != nullptr;
  if (input == 0 && (reader.is("Transpose") || reader.is("Slice", "onward")))
    return all_read_in_place(*reader.output(0), {}, depth - 1, why);
  if (input == 0 && keeps_strides(reader)) {
    const SymShape *from = shape_of(&part), *to = shape_of(reader.output(0));
    const auto groups = from && to ? axis_groups(*from, *to) : std::nullopt;
    const auto splits = [&](const AxisGroup& g) {
      return std::count_if(g.from.begin(), g.from.end(), [&](uint8_t a) { return !(*from)[a].is(1); }) <= 1;
    };
    return groups && std::all_of(groups->begin(), groups->end(), splits) &&
           all_read_in_place(*reader.output(0), {}, depth - 1, why);
  }
  const Op* op = find_op(reader.domain, reader.op_type);
  return op && op->traits.layout == LayoutRule::kElementwise && same_shape(&part, reader.output(0)) &&
         has_long_pieces(part, cuts);
}

// cuts: empty for a view of a part, of which only is known that elements lie apart.
bool all_read_in_place(const ir::Value& part, const std::vector<Cut>& cuts, int depth, Why& why) {
  if (part.output_uses() > 0 || !shape_of(&part)) return false;
  return std::all_of(part.uses().begin(), part.uses().end(), [&](const auto& use) {
    const bool reads =
        use.node->graph() == part.graph() &&
        reads_in_place(*use.node, static_cast<size_t>(use.input_index), part, cuts, depth, why);
    if (!reads && depth == 4) why.no(1, &part, " is read by ", use.node, ", which takes a copy without gaps");
    return reads;
  });
}

std::vector<Cut> cuts_of(const ir::Node& n) {
  const ir::Value* x = n.input(0);
  const SymShape* s = shape_of(x);
  if (!s || s->empty() || s->size() > 8 || !x->type().is_tensor() || x->is_constant()) return {};
  const DType type = x->type().dtype;
  if (type == DType::kUndefined || type == DType::kString || is_sub_byte(type)) return {};
  if (n.is("Slice")) return cuts_of_slice(n, s->size());
  if (n.is("Gather")) return cuts_of_gather(n, *s);
  return n.is("Split") ? cuts_of_split(n, *s) : std::vector<Cut>();
}

ir::Value* view(ir::Value* x, const Cut& c, const ir::Type& type, ir::Node* before, ir::Patch& patch) {
  ir::Attributes attributes = {{"axis", c.axis}, {"start", c.start}, {"end", c.end}, {"step", c.step}};
  if (c.drop) attributes.insert_or_assign("drop", int64_t{1});
  ir::Node* node = patch.insert(before, "Slice", "onward", {x}, 1, std::move(attributes));
  node->name = before->name;
  node->output(0)->fact.type = type;
  return node->output(0);
}

// Whether the node became views of its input.
bool make_views_of(ir::Node& n, ir::Patch& patch, Why& why) {
  const std::vector<Cut> cuts = cuts_of(n);
  if (cuts.empty()) return false;
  const bool splits = n.is("Split");
  for (size_t o = 0; o < n.outputs().size(); ++o) {
    const ir::Value* part = n.output(o);
    if (!part || !part->is_used()) continue;
    const std::vector<Cut> own = splits ? std::vector<Cut>{cuts[o]} : cuts;
    if (!all_read_in_place(*part, own, 4, why)) return false;
  }
  if (splits) {
    for (const Cut& c : cuts)
      if (c.part && c.part->is_used())
        patch.replace_uses(c.part, view(n.input(0), c, c.part->type(), &n, patch));
    return true;
  }
  ir::Value* at = n.input(0);
  for (size_t i = 0; i < cuts.size(); ++i) {
    ir::Type type = n.output(0)->type();
    if (i + 1 < cuts.size()) {
      type = at->type();
      (*type.shape)[static_cast<size_t>(cuts[i].axis)] =
          (*n.output(0)->type().shape)[static_cast<size_t>(cuts[i].axis)];
    }
    at = view(at, cuts[i], type, &n, patch);
  }
  patch.replace_uses(n.output(0), at);
  return true;
}

}  // namespace

Result<int> make_views(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  std::vector<ir::Node*> nodes;
  for (const auto& node : g.nodes())
    if (node->is("Slice") || node->is("Split") || node->is("Gather")) nodes.push_back(node.get());
  // Readers first: a part of a part is known to be a view by then.
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    Why why(missed, **it);
    if (!make_views_of(**it, patch, why)) continue;
    why.dismiss();
    patch.erase(*it);
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
