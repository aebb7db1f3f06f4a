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

#include "kernels/gemm.h"
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
template <class T>
struct Operand {
  Labels labels;
  Shape shape;
  const T* data = nullptr;
  int64_t extent(int label) const {
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i] == label) return shape[i];
    return 1;
  }
  bool has(int label) const { return std::count(labels.begin(), labels.end(), label) > 0; }
};

template <class T>
T add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a + b;
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
T multiply(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a * b;
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// Copies x to the axis order `to` (distinct labels of x): strides of a repeated label add up, labels that are
// not in `to` are summed.
template <class T>
Result<Operand<T>> arrange(RunContext& c, const Operand<T>& x, const Labels& to) {
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
  Operand<T> y{to, Shape(dims.dims().first(to.size())), nullptr};
  auto memory = ONWARD_TRY(c.scratch_of<T>(y.shape.count()));
  y.data = memory.data();
  const auto kept = static_cast<int>(to.size());
  if (all.size() == to.size()) {
    kernels::copy_strided(x.data, strides.data(), memory.data(), dense_strides(y.shape).data(), dims.data(),
                          kept, sizeof(T), c.threads());
    return y;
  }
  const int64_t folded = dims.count(to.size(), dims.rank());
  auto offset = [&](int64_t i, size_t from, size_t until) {
    int64_t at = 0;
    for (size_t k = until; k-- > from; i /= dims[k]) at += i % dims[k] * strides[k];
    return at;
  };
  c.parallel_for(y.shape.count(), std::max<int64_t>(1, 4096 / std::max<int64_t>(1, folded)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const T* from = x.data + offset(i, 0, to.size());
                     T sum = 0;
                     for (int64_t j = 0; j < folded; ++j)
                       sum = add(sum, from[offset(j, to.size(), all.size())]);
                     memory[static_cast<size_t>(i)] = sum;
                   }
                 });
  return y;
}

Labels joined(std::initializer_list<Labels> parts) {
  Labels out;
  for (const Labels& p : parts) out.insert(out.end(), p.begin(), p.end());
  return out;
}

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

template <class T>
Status multiply_all(RunContext& c, const Product& p, const T* a, const T* b, T* out) {
  const size_t batch = p.a.starts.size();
  if constexpr (std::is_same_v<T, float>) {
    const int64_t bytes = (static_cast<int64_t>(kernels::packed_b_bytes(1, p.k, p.n)) + 63) / 64 * 64;
    auto packed = ONWARD_TRY(c.scratch(bytes));
    for (size_t i = 0; i < batch; ++i) {
      if (i == 0 || p.b.starts[i] != p.b.starts[i - 1])
        kernels::pack_b(
            {.b = b + p.b.starts[i], .k = p.k, .n = p.n, .stride_k = p.b.row, .stride_n = p.b.column},
            packed.data(), c.threads());
      kernels::gemm(p.m, p.n, p.k, a + p.a.starts[i], p.a.row, packed.data(),
                    out + static_cast<int64_t>(i) * p.m * p.n, p.n, {}, c.threads());
    }
    return {};
  }
  c.parallel_for(static_cast<int64_t>(batch) * p.m,
                 std::max<int64_t>(1, 16384 / std::max<int64_t>(1, p.n * p.k)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t r = begin; r < end; ++r) {
                     const auto i = static_cast<size_t>(r / p.m);
                     const T* row = a + p.a.starts[i] + r % p.m * p.a.row;
                     T* to = out + r * p.n;
                     std::fill_n(to, p.n, T(0));
                     for (int64_t k = 0; k < p.k; ++k) {
                       const T* right = b + p.b.starts[i] + k * p.b.row;
                       for (int64_t j = 0; j < p.n; ++j)
                         to[j] = add(to[j], multiply(row[k * p.a.column], right[j * p.b.column]));
                     }
                   }
                 });
  return {};
}

// From one element to the next of these labels taken as one axis, in this order; nullopt if they are not
// evenly apart. 1 where there is at most one element.
template <class T>
std::optional<int64_t> merged_stride(const Operand<T>& x, const Labels& labels) {
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

template <class T>
std::vector<int64_t> batch_starts(const Operand<T>& x, const Labels& batch, const Shape& extents) {
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
template <class T>
Result<Operand<T>> as_matrices(RunContext& c, const Operand<T>& x, const Labels& batch, const Labels& rows,
                               const Labels& columns, bool is_left, Matrices& m) {
  Operand<T> out = x;
  auto row = merged_stride(x, rows), column = merged_stride(x, columns);
  if (!row || !column || (is_left && *column != 1)) {
    out = ONWARD_TRY(arrange(c, x, joined({batch, rows, columns})));
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

template <class T>
Roles roles_of(const Operand<T>& a, const Operand<T>& b, const Labels& needed) {
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
template <class T>
Result<Operand<T>> contract(RunContext& c, const Operand<T>& a, const Operand<T>& b, const Labels& needed,
                            Tensor* y) {
  const Roles r = roles_of(a, b, needed);
  Operand<T> out;
  out.labels = joined({r.batch, r.rows, r.columns});
  if (y && out.labels != needed) {
    // The order of batch, columns and rows may be the one that is wanted.
    const Roles turned = roles_of(b, a, needed);
    if (joined({turned.batch, turned.rows, turned.columns}) == needed) return contract(c, b, a, needed, y);
  }
  Product p{1, 1, 1, {}, {}};
  Operand<T> left = ONWARD_TRY(as_matrices(c, a, r.batch, r.rows, r.inner, true, p.a));
  Operand<T> right = ONWARD_TRY(as_matrices(c, b, r.batch, r.inner, r.columns, false, p.b));
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
  T* to = nullptr;
  if (y && out.labels == needed)
    to = y->template mutable_data<T>();
  else
    to = ONWARD_TRY(c.scratch_of<T>(out.shape.count())).data();
  out.data = to;
  if (out.shape.count() == 0) return out;
  p.a.starts = batch_starts(left, r.batch, batch);
  p.b.starts = batch_starts(right, r.batch, batch);
  ONWARD_TRY(multiply_all(c, p, left.data, right.data, to));
  return out;
}

// The labels that operands from `first` on or the output still read.
Labels needed_after(const Equation& e, size_t first) {
  Labels out = e.output;
  for (size_t i = first; i < e.inputs.size(); ++i)
    out.insert(out.end(), e.inputs[i].begin(), e.inputs[i].end());
  return out;
}

template <class T>
Result<Operand<T>> operand(RunContext& c, const Equation& e, size_t i) {
  Operand<T> x{e.inputs[i], c.in(i).shape(), c.in(i).data<T>()};
  // Keep each label once, in order, that another operand or the output reads.
  Labels keep;
  for (int label : x.labels) {
    bool read = std::count(e.output.begin(), e.output.end(), label) > 0;
    for (size_t k = 0; k < e.inputs.size(); ++k)
      read |= k != i && std::count(e.inputs[k].begin(), e.inputs[k].end(), label) > 0;
    if (read && std::count(keep.begin(), keep.end(), label) == 0) keep.push_back(label);
  }
  return arrange(c, x, keep);
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

template <class T>
Status run_typed(RunContext& c, const Equation& e) {
  std::map<int, int64_t> extents;
  ONWARD_TRY(check_extents(c, e, extents));
  Shape shape;
  for (int label : e.output) shape.push_back(extents[label]);
  Operand<T> result = ONWARD_TRY(operand<T>(c, e, 0));
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, shape));
  for (size_t i = 1; i < e.inputs.size(); ++i) {
    const Operand<T> next = ONWARD_TRY(operand<T>(c, e, i));
    const bool last = i + 1 == e.inputs.size();
    result = ONWARD_TRY(contract(c, result, next, needed_after(e, i + 1), last ? &y : nullptr));
  }
  result = ONWARD_TRY(arrange(c, result, e.output));
  if (result.data != y.data<T>()) std::copy_n(result.data, y.count(), y.mutable_data<T>());
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  std::vector<size_t> ranks;
  for (size_t i = 0; i < c.inputs(); ++i) ranks.push_back(c.in(i).rank());
  Equation e;
  if (const std::string problem = expand(a, ranks, e); !problem.empty()) return c.error(problem);
  switch (c.in(0).dtype()) {
    case DType::kFloat32:
      return run_typed<float>(c, e);
    case DType::kFloat64:
      return run_typed<double>(c, e);
    case DType::kInt8:
      return run_typed<int8_t>(c, e);
    case DType::kInt16:
      return run_typed<int16_t>(c, e);
    case DType::kInt32:
      return run_typed<int32_t>(c, e);
    case DType::kInt64:
      return run_typed<int64_t>(c, e);
    case DType::kUint8:
      return run_typed<uint8_t>(c, e);
    case DType::kUint16:
      return run_typed<uint16_t>(c, e);
    case DType::kUint32:
      return run_typed<uint32_t>(c, e);
    case DType::kUint64:
      return run_typed<uint64_t>(c, e);
    default:
      return c.error("input 0 is of type ", c.in(0).dtype(), ", expected a number");
  }
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
