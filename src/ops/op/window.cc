#include "ops/op/window.h"

namespace ow {
namespace {

constexpr int64_t kMost = int64_t{1} << 31;

void check_values(const AttrReader& a, std::string_view name, const std::vector<int64_t>& values,
                  int64_t least) {
  for (int64_t v : values)
    if (v < least || v > kMost)
      a.fail(name, cat("is ", list_text(values), ", expected values in [", least, ", ", kMost, "]"));
}

AutoPad read_auto_pad(const AttrReader& a, std::string_view name) {
  const std::string text = a.text(name, "NOTSET");
  if (text == "SAME_UPPER") return AutoPad::kSameUpper;
  if (text == "SAME_LOWER") return AutoPad::kSameLower;
  if (text == "VALID") return AutoPad::kValid;
  if (text != "NOTSET" && !text.empty())
    a.fail(name, cat("is '", text, "', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID"));
  return AutoPad::kNotSet;
}

int64_t effective(const Window& w, size_t axis, int64_t kernel) {
  return (kernel - 1) * w.dilation(axis) + 1;
}

}  // namespace

Window read_window(const AttrReader& a, std::string_view prefix) {
  const auto named = [&](std::string_view name) { return cat(prefix, name); };
  const auto integers = [&](std::string_view name, int64_t least) {
    const std::string full = named(name);
    std::vector<int64_t> values = a.integers(full);
    check_values(a, full, values, least);
    return values;
  };
  Window w{.auto_pad = read_auto_pad(a, named("auto_pad")),
           .kernel = integers("kernel_shape", 1),
           .strides = integers("strides", 1),
           .dilations = integers("dilations", 1),
           .pads = integers("pads", -kMost),
           .ceil_mode = a.flag(named("ceil_mode"), false)};
  if (w.auto_pad != AutoPad::kNotSet) w.pads.clear();
  if (w.pads.size() % 2 != 0)
    a.fail(named("pads"), cat("has ", w.pads.size(), " values, expected an even number"));
  return w;
}

Window read_pool_window(const AttrReader& a) {
  if (a.required_integers("kernel_shape").empty())
    a.fail("kernel_shape", "has no values, expected one for each spatial axis");
  return read_window(a);
}

std::string window_problem(const Window& w, size_t spatial) {
  auto problem = [&](const char* name, size_t found, size_t expected) {
    return found == 0 || found == expected ? std::string()
                                           : cat("attribute '", name, "' has ", found, " values, expected ",
                                                 expected, " for ", spatial, " spatial axes");
  };
  for (std::string p :
       {problem("kernel_shape", w.kernel.size(), spatial), problem("strides", w.strides.size(), spatial),
        problem("dilations", w.dilations.size(), spatial), problem("pads", w.pads.size(), 2 * spatial)})
    if (!p.empty()) return p;
  return "";
}

Dim window_extent(const Window& w, size_t axis, const Dim& in, int64_t kernel) {
  const int64_t stride = w.stride(axis);
  if (w.auto_pad == AutoPad::kSameUpper || w.auto_pad == AutoPad::kSameLower) return ceil_div(in, stride);
  const Dim room = in + (w.pad_begin(axis) + w.pad_end(axis) - effective(w, axis, kernel));
  // With ceil_mode one window may be larger than the axis, by less than a stride.
  const int64_t least = w.ceil_mode ? 1 - stride : 0;
  if (room.is_constant() && *room.constant() < least) return in.is(0) ? Dim(0) : Dim(-1);
  if (!w.ceil_mode) return floor_div(room, stride) + 1;
  if (stride == 1) return room + 1;
  return min(ceil_div(room, stride), floor_div(in + (w.pad_begin(axis) - 1), stride)) + 1;
}

Result<WindowAxis> resolve_window(const RunContext& c, const Window& w, size_t axis, int64_t in,
                                  int64_t kernel) {
  WindowAxis r{kernel, w.stride(axis), w.dilation(axis), w.pad_begin(axis), w.pad_end(axis), 0};
  r.out = window_extent(w, axis, in, kernel).constant().value_or(-1);
  if (r.out < 0)
    return c.error("a window of ", effective(w, axis, kernel), " elements is larger than spatial axis ", axis,
                   " of input 0 with its pads: ", in, " + ", r.pad_begin, " + ", r.pad_end);
  if (w.auto_pad == AutoPad::kSameUpper || w.auto_pad == AutoPad::kSameLower) {
    const int64_t total = std::max<int64_t>(0, (r.out - 1) * r.stride + effective(w, axis, kernel) - in);
    r.pad_begin = w.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    r.pad_end = total - r.pad_begin;
  }
  return r;
}

Result<SymShape> infer_pool_shape(InferContext& c, const Window& w, const SymShape& x) {
  if (x.size() < 3) return c.error("input 0 is ", list_text(x), ", expected rank 3 or more");
  if (const std::string p = window_problem(w, x.size() - 2); !p.empty()) return c.error(p);
  SymShape out = {x[0], x[1]};
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    out.push_back(window_extent(w, i, x[i + 2], w.kernel[i]));
    if (out.back().is_constant() && *out.back().constant() < 0)
      return c.error("a window of ", effective(w, i, w.kernel[i]), " elements is larger than axis ", i + 2,
                     " of input 0 with its pads: ", list_text(x));
  }
  return out;
}

}  // namespace ow
