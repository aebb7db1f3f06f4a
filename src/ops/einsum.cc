// Einsum: out[free labels] = sum over the other labels of the product of all operands.
//
// Each operand is first brought to distinct labels (a repeated label takes the diagonal; a label that nothing
// else reads is summed), then operands are multiplied from left to right. A product is a batched matrix
// product: labels in both and still needed form the batch, labels in both and needed no more the inner axis.
// An operand is read where it lies if its axes merge to such matrices, and the last product goes straight to
// the output if that has its order. Float goes through the packed GEMM; other types through plain loops,
// integers wrap. The ellipsis stands for labels of its own, aligned at the right, that broadcast.
#include <algorithm>
#include <map>

#include "kernels/compensated_sum.h"
#include "kernels/gemm.h"
#include "kernels/gemm_generic.h"
#include "kernels/transpose.h"
#include "ops/op/op.h"

namespace ow {
namespace {

// Labels are letters; axis j of an ellipsis, counted from its right end, is label 256 + j.
using Labels = std::vector<int>;
constexpr int kEllipsis = -1;

struct Attrs {
  std::vector<Labels> inputs;
  Labels output;
  bool explicit_output = false;
};

bool is_letter(char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z'); }

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs;
  std::string text;
  for (char ch : a.required_text("equation"))
    if (ch != ' ') text += ch;
  Labels term;
  auto bad = [&] {
    a.fail("equation", cat("is '", text, "', expected terms of letters and at most one '...'"));
  };
  auto end_term = [&] {
    (attrs.explicit_output ? attrs.output : attrs.inputs.emplace_back()) = term;
    if (std::count(term.begin(), term.end(), kEllipsis) > 1) bad();
    term.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_letter(text[i])) {
      term.push_back(static_cast<unsigned char>(text[i]));
    } else if (text.compare(i, 3, "...") == 0) {
      term.push_back(kEllipsis);
      i += 2;
    } else if (text[i] == ',' && !attrs.explicit_output) {
      end_term();
    } else if (text.compare(i, 2, "->") == 0 && !attrs.explicit_output) {
      end_term();
      attrs.explicit_output = true;
      ++i;
    } else {
      bad();
      return attrs;
    }
  }
  end_term();
  return attrs;
}

// Labels of each operand with its ellipsis spelled out, and of the output.
struct Equation {
  std::vector<Labels> inputs;
  Labels output;
};

// "" or what is wrong.
std::string expand(const Attrs& a, const std::vector<size_t>& ranks, Equation& e) {
  if (ranks.size() != a.inputs.size())
    return cat("the equation has ", a.inputs.size(), " terms for ", ranks.size(), " inputs");
  size_t widest = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const Labels& term = a.inputs[i];
    const bool dots = std::count(term.begin(), term.end(), kEllipsis) > 0;
    const size_t letters = term.size() - dots;
    if (dots ? ranks[i] < letters : ranks[i] != letters)
      return cat("input ", i, " is of rank ", ranks[i], ", its term in the equation has ", letters,
                 " letters");
    Labels labels;
    for (int label : term)
      if (label == kEllipsis)
        for (size_t j = ranks[i] - letters; j-- > 0;) labels.push_back(256 + static_cast<int>(j));
      else
        labels.push_back(label);
    if (dots) widest = std::max(widest, ranks[i] - letters);
    e.inputs.push_back(std::move(labels));
  }
  Labels dots;
  for (size_t j = widest; j-- > 0;) dots.push_back(256 + static_cast<int>(j));
  if (!a.explicit_output) {  // the ellipsis, then the letters that appear once, sorted
    e.output = dots;
    std::map<int, int> uses;
    for (const Labels& labels : e.inputs)
      for (int label : labels) ++uses[label];
    for (auto [label, n] : uses)
      if (label < 256 && n == 1) e.output.push_back(label);
    return "";
  }
  for (int label : a.output)
    if (label == kEllipsis)
      e.output.insert(e.output.end(), dots.begin(), dots.end());
    else
      e.output.push_back(label);
  for (size_t i = 0; i < e.output.size(); ++i) {
    const int label = e.output[i];
    if (std::count(e.output.begin(), e.output.end(), label) > 1)
      return cat("the output repeats '", static_cast<char>(label), "'");
    if (std::none_of(e.inputs.begin(), e.inputs.end(),
                     [&](const Labels& l) { return std::count(l.begin(), l.end(), label) > 0; }))
      return cat("no input has the output's '", static_cast<char>(label), "'");
  }
  return "";
}

Status infer(const Attrs& a, InferContext& c) {
  std::vector<size_t> ranks;
  for (size_t i = 0; i < c.inputs(); ++i) {
    if (!c.shape(i)) {
      c.set(0, c.dtype(0), std::nullopt);
      return {};
    }
    ranks.push_back(c.shape(i)->size());
  }
  Equation e;
  if (const std::string problem = expand(a, ranks, e); !problem.empty()) return c.error(problem);
  std::map<int, Dim> extents;
  for (size_t i = 0; i < ranks.size(); ++i)
    for (size_t k = 0; k < ranks[i]; ++k) {
      const Dim& d = (*c.shape(i))[k];
      auto [it, fresh] = extents.emplace(e.inputs[i][k], d);
      if (fresh) continue;
      const SymShape both = ONWARD_TRY(c.broadcast({it->second}, {d}));
      it->second = both[0];
    }
  SymShape out;
  for (int label : e.output) out.push_back(extents[label]);
  c.set(0, c.dtype(0), std::move(out));
  return {};
}

// A dense operand with one label an axis.
struct Operand {
  Labels labels;
  Shape shape;
  const std::byte* data = nullptr;
  int64_t extent(int label) const {
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] == label) return shape[i];
    return 1;
  }
  bool has(int label) const { return std::count(labels.begin(), labels.end(), label) > 0; }
};

// Which matrix of an operand, C[b] = A[b] * B[b], starts at which of its elements; and how far apart are the
// elements of a matrix.
struct Matrices {
  std::vector<int64_t> starts;
  int64_t row = 0, column = 0;
};

struct Product {
  int64_t m, n, k;
  Matrices a, b;  // [m, k] and [k, n]
};

// Elements of x to sum, by their strides.
struct Folded {
  std::span<const int64_t> dims, strides;
  int64_t count;
  static int64_t offset(std::span<const int64_t> dims, std::span<const int64_t> strides, int64_t i) {
    int64_t at = 0;
    for (size_t k = dims.size(); k-- > 0; i /= dims[k]) at += i % dims[k] * strides[k];
    return at;
  }
};

// What depends on the element type: the bytes of one, a sum, and a row of a product. Integers wrap, so those
// of one size share the loops of the unsigned one.
struct Arithmetic {
  int64_t bytes;
  void (*sum)(const Folded& f, const std::byte* x, std::byte* y);
  void (*row)(const Product& p, int64_t r, const std::byte* a, const std::byte* b, std::byte* out);
};

template <class T>
void sum_of(const Folded& f, const std::byte* x, std::byte* y) {
  kernels::SumOf<T> sum = 0;
  for (int64_t j = 0; j < f.count; ++j) {
    const T term = reinterpret_cast<const T*>(x)[Folded::offset(f.dims, f.strides, j)];
    if constexpr (std::is_floating_point_v<T>)
      sum += static_cast<double>(term);
    else
      sum = static_cast<T>(sum + term);
  }
  *reinterpret_cast<T*>(y) = static_cast<T>(sum);
}

template <class T>
void product_row(const Product& p, int64_t r, const std::byte* a, const std::byte* b, std::byte* out) {
  // Products of small unsigned integers are made in a type that wraps, as int does not.
  using Wide = std::conditional_t<(sizeof(T) < 4), uint32_t, T>;
  const auto i = static_cast<size_t>(r / p.m);
  const T* row = reinterpret_cast<const T*>(a) + p.a.starts[i] + r % p.m * p.a.row;
  T* to = reinterpret_cast<T*>(out) + r * p.n;
  if constexpr (std::is_same_v<T, double>) {
    const T* columns = reinterpret_cast<const T*>(b) + p.b.starts[i];
    return kernels::GenericGemm<T, T, T>{.m = 1,
                                         .n = p.n,
                                         .k = p.k,
                                         .a = {row, 0, p.a.column},
                                         .b = {columns, p.b.row, p.b.column},
                                         .c = to,
                                         .ldc = p.n}
        .run(1);
  }
  std::fill_n(to, p.n, T(0));
  for (int64_t k = 0; k < p.k; ++k) {
    const T* right = reinterpret_cast<const T*>(b) + p.b.starts[i] + k * p.b.row;
    const Wide left = row[k * p.a.column];
    for (int64_t j = 0; j < p.n; ++j)
      to[j] = static_cast<T>(to[j] + static_cast<T>(left * Wide{right[j * p.b.column]}));
  }
}

template <class T>
constexpr Arithmetic kArithmetic = {sizeof(T), sum_of<T>, product_row<T>};

const Arithmetic* arithmetic_of(DType t) {
  if (t == DType::kFloat32) return &kArithmetic<float>;
  if (t == DType::kFloat64) return &kArithmetic<double>;
  if (!is_integer(t)) return nullptr;
  switch (bit_width(t)) {
    case 8:
      return &kArithmetic<uint8_t>;
    case 16:
      return &kArithmetic<uint16_t>;
    case 32:
      return &kArithmetic<uint32_t>;
    case 64:
      return &kArithmetic<uint64_t>;
    default:
      return nullptr;
  }
}

// A run of the node in one element type.
struct Contraction {
  RunContext& c;
  const Arithmetic& t;
  const Equation& e;

  Result<std::byte*> memory(int64_t count) const { return ONWARD_TRY(c.scratch(count * t.bytes)).data(); }
  Result<Operand> arrange(const Operand& x, const Labels& to) const;
  Status multiply_all(const Product& p, const std::byte* a, const std::byte* b, std::byte* out) const;
  Result<Operand> as_matrices(const Operand& x, const Labels& batch, const Labels& rows,
                              const Labels& columns, bool is_left, Matrices& m) const;
  Result<Operand> contract(const Operand& a, const Operand& b, const Labels& needed, Tensor* y) const;
  Result<Operand> operand(size_t i) const;
};

// Copies x to the axis order `to` (distinct labels of x): strides of a repeated label add up, labels that are
// not in `to` are summed.
Result<Operand> Contraction::arrange(const Operand& x, const Labels& to) const {
  if (x.labels == to) return x;
  const Shape dense = dense_strides(x.shape);
  Labels all = to;
  for (int label : x.labels)
    if (std::count(all.begin(), all.end(), label) == 0) all.push_back(label);
  Shape dims, strides;
  for (int label : all) {
    int64_t stride = 0;
    for (size_t i = 0; i < x.labels.size(); ++i)
      if (x.labels[i] == label) stride += dense[i];
    dims.push_back(x.extent(label));
    strides.push_back(stride);
  }
  Operand y{to, Shape(dims.dims().first(to.size())), nullptr};
  std::byte* out = ONWARD_TRY(memory(y.shape.count()));
  y.data = out;
  if (all.size() == to.size()) {
    kernels::copy_strided(x.data, strides.data(), out, dense_strides(y.shape).data(), dims.data(),
                          static_cast<int>(to.size()), static_cast<int>(t.bytes), c.threads());
    return y;
  }
  const auto kept_dims = dims.dims().first(to.size()), kept_strides = strides.dims().first(to.size());
  const Folded folded{dims.dims().subspan(to.size()), strides.dims().subspan(to.size()),
                      dims.count(to.size(), dims.rank())};
  c.parallel_for(y.shape.count(), std::max<int64_t>(1, 4096 / std::max<int64_t>(1, folded.count)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i)
                     t.sum(folded, x.data + Folded::offset(kept_dims, kept_strides, i) * t.bytes,
                           out + i * t.bytes);
                 });
  return y;
}

Labels joined(std::initializer_list<Labels> parts) {
  Labels out;
  for (const Labels& p : parts) out.insert(out.end(), p.begin(), p.end());
  return out;
}

Status Contraction::multiply_all(const Product& p, const std::byte* a, const std::byte* b,
                                 std::byte* out) const {
  const size_t batch = p.a.starts.size();
  if (&t == &kArithmetic<float>) {
    const auto* left = reinterpret_cast<const float*>(a);
    const auto* right = reinterpret_cast<const float*>(b);
    const int64_t bytes = (static_cast<int64_t>(kernels::packed_b_bytes(1, p.k, p.n)) + 63) / 64 * 64;
    auto packed = ONWARD_TRY(c.scratch(bytes));
    for (size_t i = 0; i < batch; ++i) {
      if (i == 0 || p.b.starts[i] != p.b.starts[i - 1])
        kernels::pack_b({.b = right + p.b.starts[i],
                         .k = p.k,
                         .n = p.n,
                         .stride_k = p.b.row,
                         .stride_n = p.b.column,
                         .in_double = c.strict()},
                        packed.data(), c.threads());
      kernels::gemm(p.m, p.n, p.k, left + p.a.starts[i], p.a.row, packed.data(),
                    reinterpret_cast<float*>(out) + static_cast<int64_t>(i) * p.m * p.n, p.n, {},
                    c.threads());
    }
    return {};
  }
  c.parallel_for(static_cast<int64_t>(batch) * p.m,
                 std::max<int64_t>(1, 16384 / std::max<int64_t>(1, p.n * p.k)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t r = begin; r < end; ++r) t.row(p, r, a, b, out);
                 });
  return {};
}

// From one element to the next of these labels taken as one axis, in this order; nullopt if they are not
// evenly apart. 1 where there is at most one element.
std::optional<int64_t> merged_stride(const Operand& x, const Labels& labels) {
  const Shape dense = dense_strides(x.shape);
  int64_t stride = 0, run = 1;
  for (size_t i = labels.size(); i-- > 0;)
    for (size_t k = 0; k < x.labels.size(); ++k) {
      if (x.labels[k] != labels[i] || x.shape[k] == 1) continue;
      if (stride == 0)
        stride = dense[k];
      else if (dense[k] != stride * run)
        return std::nullopt;
      run *= x.shape[k];
    }
  return stride == 0 ? 1 : stride;
}

std::vector<int64_t> batch_starts(const Operand& x, const Labels& batch, const Shape& extents) {
  const Shape dense = dense_strides(x.shape);
  std::vector<int64_t> out = {0};
  for (size_t i = 0; i < batch.size(); ++i) {
    int64_t stride = 0;
    for (size_t k = 0; k < x.labels.size(); ++k)
      if (x.labels[k] == batch[i] && x.shape[k] != 1) stride = dense[k];
    std::vector<int64_t> next;
    for (int64_t base : out)
      for (int64_t j = 0; j < extents[i]; ++j) next.push_back(base + stride * j);
    out = std::move(next);
  }
  return out;
}

// The operand as matrices of `rows` by `columns`: where it lies if its axes merge that way, else a copy. The
// columns of a left operand have to be next to each other.
Result<Operand> Contraction::as_matrices(const Operand& x, const Labels& batch, const Labels& rows,
                                         const Labels& columns, bool is_left, Matrices& m) const {
  Operand out = x;
  auto row = merged_stride(x, rows), column = merged_stride(x, columns);
  if (!row || !column || (is_left && *column != 1)) {
    out = ONWARD_TRY(arrange(x, joined({batch, rows, columns})));
    row = merged_stride(out, rows), column = merged_stride(out, columns);
  }
  // A matrix of one row may have any distance between rows that its columns fit in.
  int64_t width = 1;
  for (int label : columns) width *= out.extent(label);
  m.row = is_left ? std::max(*row, width) : *row;
  m.column = *column;
  return out;
}

// What a pair of operands is multiplied to, by label.
struct Roles {
  Labels batch, rows, columns, inner;
};

Roles roles_of(const Operand& a, const Operand& b, const Labels& needed) {
  Roles r;
  auto is_needed = [&](int label) { return std::count(needed.begin(), needed.end(), label) > 0; };
  for (int label : a.labels) {
    // An extent of 1 against a larger one repeats, which only a batch label may.
    const bool shared = b.has(label), uneven = shared && a.extent(label) != b.extent(label);
    (!shared ? r.rows : is_needed(label) || uneven ? r.batch : r.inner).push_back(label);
  }
  for (int label : b.labels)
    if (!a.has(label)) r.columns.push_back(label);
  return r;
}

// The product, in memory of its own, or in the output where it has its labels in the output's order already.
Result<Operand> Contraction::contract(const Operand& a, const Operand& b, const Labels& needed,
                                      Tensor* y) const {
  const Roles r = roles_of(a, b, needed);
  Operand out;
  out.labels = joined({r.batch, r.rows, r.columns});
  if (y && out.labels != needed) {
    // The order of batch, columns and rows may be the one that is wanted.
    const Roles turned = roles_of(b, a, needed);
    if (joined({turned.batch, turned.rows, turned.columns}) == needed) return contract(b, a, needed, y);
  }
  Product p{1, 1, 1, {}, {}};
  Operand left = ONWARD_TRY(as_matrices(a, r.batch, r.rows, r.inner, true, p.a));
  Operand right = ONWARD_TRY(as_matrices(b, r.batch, r.inner, r.columns, false, p.b));
  Shape batch;
  for (int label : r.batch) {
    const bool none = a.extent(label) == 0 || b.extent(label) == 0;
    batch.push_back(none ? 0 : std::max(a.extent(label), b.extent(label)));
  }
  out.shape = batch;
  for (int label : r.rows) out.shape.push_back(a.extent(label)), p.m *= a.extent(label);
  for (int label : r.columns) out.shape.push_back(b.extent(label)), p.n *= b.extent(label);
  for (int label : r.inner) p.k *= a.extent(label);
  if (out.shape.count() < 0) return c.error("an intermediate product's shape ", out.shape, " overflows");
  std::byte* to = nullptr;
  if (y && out.labels == needed)
    to = y->mutable_raw();
  else
    to = ONWARD_TRY(memory(out.shape.count()));
  out.data = to;
  if (out.shape.count() == 0) return out;
  p.a.starts = batch_starts(left, r.batch, batch);
  p.b.starts = batch_starts(right, r.batch, batch);
  ONWARD_TRY(multiply_all(p, left.data, right.data, to));
  return out;
}

// The labels that operands from `first` on or the output still read.
Labels needed_after(const Equation& e, size_t first) {
  Labels out = e.output;
  for (size_t i = first; i < e.inputs.size(); ++i)
    out.insert(out.end(), e.inputs[i].begin(), e.inputs[i].end());
  return out;
}

Result<Operand> Contraction::operand(size_t i) const {
  Operand x{e.inputs[i], c.in(i).shape(), c.in(i).raw()};
  // Keep each label once, in order, that another operand or the output reads.
  Labels keep;
  for (int label : x.labels) {
    bool read = std::count(e.output.begin(), e.output.end(), label) > 0;
    for (size_t k = 0; k < e.inputs.size(); ++k)
      read |= k != i && std::count(e.inputs[k].begin(), e.inputs[k].end(), label) > 0;
    if (read && std::count(keep.begin(), keep.end(), label) == 0) keep.push_back(label);
  }
  return arrange(x, keep);
}

Status check_extents(const RunContext& c, const Equation& e, std::map<int, int64_t>& extents) {
  for (size_t i = 0; i < e.inputs.size(); ++i)
    for (size_t k = 0; k < e.inputs[i].size(); ++k) {
      const int label = e.inputs[i][k];
      const int64_t d = c.in(i).dim(k);
      auto [it, fresh] = extents.emplace(label, d);
      const bool twice = std::count(e.inputs[i].begin(), e.inputs[i].end(), label) > 1;
      if (!fresh && it->second != d && (twice || (it->second != 1 && d != 1)))
        return c.error("input ", i, " of shape ", c.in(i).shape(), " has ", d, " in axis ", k, ", expected ",
                       it->second);
      if (it->second == 1) it->second = d;
    }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  std::vector<size_t> ranks;
  for (size_t i = 0; i < c.inputs(); ++i) ranks.push_back(c.in(i).rank());
  Equation e;
  if (const std::string problem = expand(a, ranks, e); !problem.empty()) return c.error(problem);
  const DType dtype = c.in(0).dtype();
  const Arithmetic* arithmetic = arithmetic_of(dtype);
  if (!arithmetic) return c.error("input 0 is of type ", dtype, ", expected a number");
  std::map<int, int64_t> extents;
  ONWARD_TRY(check_extents(c, e, extents));
  Shape shape;
  for (int label : e.output) shape.push_back(extents[label]);
  const Contraction all{c, *arithmetic, e};
  Operand result = ONWARD_TRY(all.operand(0));
  Tensor y = ONWARD_TRY(c.out(0, dtype, shape));
  for (size_t i = 1; i < e.inputs.size(); ++i) {
    const Operand next = ONWARD_TRY(all.operand(i));
    const bool last = i + 1 == e.inputs.size();
    result = ONWARD_TRY(all.contract(result, next, needed_after(e, i + 1), last ? &y : nullptr));
  }
  result = ONWARD_TRY(all.arrange(result, e.output));
  if (result.data != y.raw()) std::copy_n(result.data, y.count() * arithmetic->bytes, y.mutable_raw());
  return {};
}

}  // namespace

ONWARD_OPS(einsum) {
  return {op<Attrs>(
      {.name = "Einsum",
       .read = read,
       .infer = infer,
       .run = run,
       .native =
           types<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>})};
}

}  // namespace ow
