// Einsum: out[free labels] = sum over the other labels of the product of all operands.
//
// Each operand is first brought to distinct labels (a repeated label takes the diagonal; a label that nothing
// else reads is summed), then operands are multiplied from left to right. A product is a batched matrix
// product: labels in both and still needed form the batch, labels in both and needed no more the inner axis.
// Float goes through the packed GEMM; other types through plain loops, integers wrap. The ellipsis stands for
// labels of its own, aligned at the right, that broadcast.
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

struct Product {
  int64_t m, n, k;
};

// C[b] = A[b] * B[b]; A: [m, k], B: [k, n], one of a batch; a batch extent of 1 repeats.
template <class T>
Status multiply_all(RunContext& c, const Product& p, const T* a, const T* b, T* out, int64_t batch,
                    const std::vector<int64_t>& a_at, const std::vector<int64_t>& b_at) {
  if constexpr (std::is_same_v<T, float>) {
    const int64_t bytes = (static_cast<int64_t>(kernels::packed_b_bytes(1, p.k, p.n)) + 63) / 64 * 64;
    auto packed = ONWARD_TRY(c.scratch(bytes));
    for (int64_t i = 0; i < batch; ++i) {
      if (i == 0 || b_at[static_cast<size_t>(i)] != b_at[static_cast<size_t>(i - 1)])
        kernels::pack_b({.b = b + b_at[static_cast<size_t>(i)] * p.k * p.n,
                         .k = p.k,
                         .n = p.n,
                         .stride_k = p.n,
                         .stride_n = 1},
                        packed.data(), c.threads());
      kernels::gemm(p.m, p.n, p.k, a + a_at[static_cast<size_t>(i)] * p.m * p.k, p.k, packed.data(),
                    out + i * p.m * p.n, p.n, {}, c.threads());
    }
    return {};
  }
  c.parallel_for(batch * p.m, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, p.n * p.k)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t r = begin; r < end; ++r) {
                     const auto i = static_cast<size_t>(r / p.m);
                     const T* row = a + (a_at[i] * p.m + r % p.m) * p.k;
                     const T* right = b + b_at[i] * p.k * p.n;
                     T* to = out + r * p.n;
                     std::fill_n(to, p.n, T(0));
                     for (int64_t k = 0; k < p.k; ++k)
                       for (int64_t j = 0; j < p.n; ++j)
                         to[j] = add(to[j], multiply(row[k], right[k * p.n + j]));
                   }
                 });
  return {};
}

// Which matrix of an operand each batch entry takes.
template <class T>
std::vector<int64_t> batch_offsets(const Operand<T>& x, const Labels& batch, const Shape& extents) {
  std::vector<int64_t> out = {0};
  for (size_t i = 0; i < batch.size(); ++i) {
    const int64_t own = x.extent(batch[i]);
    std::vector<int64_t> next;
    for (int64_t base : out)
      for (int64_t j = 0; j < extents[i]; ++j) next.push_back(base * own + (own == 1 ? 0 : j));
    out = std::move(next);
  }
  return out;
}

Labels joined(std::initializer_list<Labels> parts) {
  Labels out;
  for (const Labels& p : parts) out.insert(out.end(), p.begin(), p.end());
  return out;
}

template <class T>
Result<Operand<T>> contract(RunContext& c, const Operand<T>& a, const Operand<T>& b, const Labels& needed) {
  Labels batch, rows, columns, inner;
  auto is_needed = [&](int label) { return std::count(needed.begin(), needed.end(), label) > 0; };
  for (int label : a.labels) {
    // An extent of 1 against a larger one repeats, which only a batch label may.
    const bool shared = b.has(label), uneven = shared && a.extent(label) != b.extent(label);
    (!shared ? rows : is_needed(label) || uneven ? batch : inner).push_back(label);
  }
  for (int label : b.labels)
    if (!a.has(label)) columns.push_back(label);
  Operand<T> left = ONWARD_TRY(arrange(c, a, joined({batch, rows, inner})));
  Operand<T> right = ONWARD_TRY(arrange(c, b, joined({batch, inner, columns})));
  Operand<T> out;
  out.labels = joined({batch, rows, columns});
  Product p{1, 1, 1};
  Shape batch_extents;
  for (int label : batch) batch_extents.push_back(std::max(a.extent(label), b.extent(label)));
  for (size_t i = 0; i < batch.size(); ++i)
    if (a.extent(batch[i]) == 0 || b.extent(batch[i]) == 0) batch_extents[i] = 0;
  out.shape = batch_extents;
  for (int label : rows) out.shape.push_back(a.extent(label)), p.m *= a.extent(label);
  for (int label : columns) out.shape.push_back(b.extent(label)), p.n *= b.extent(label);
  for (int label : inner) p.k *= a.extent(label);
  if (out.shape.count() < 0) return c.error("an intermediate product's shape ", out.shape, " overflows");
  auto memory = ONWARD_TRY(c.scratch_of<T>(out.shape.count()));
  out.data = memory.data();
  if (out.shape.count() > 0)
    ONWARD_TRY(multiply_all(c, p, left.data, right.data, memory.data(), batch_extents.count(),
                            batch_offsets(left, batch, batch_extents),
                            batch_offsets(right, batch, batch_extents)));
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
  Operand<T> result = ONWARD_TRY(operand<T>(c, e, 0));
  for (size_t i = 1; i < e.inputs.size(); ++i) {
    const Operand<T> next = ONWARD_TRY(operand<T>(c, e, i));
    result = ONWARD_TRY(contract(c, result, next, needed_after(e, i + 1)));
  }
  result = ONWARD_TRY(arrange(c, result, e.output));
  Shape shape;
  for (int label : e.output) shape.push_back(extents[label]);
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, shape));
  std::copy_n(result.data, y.count(), y.mutable_data<T>());
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
