// TfIdfVectorizer: counts the n-grams of a pool in each row of [C] or [N, C]; output [max(ngram_indexes) + 1]
// or [N, that]. An n-gram with skip s takes every (s + 1)th item, all of them in the row; all skips up to
// max_skip_count count, single items once. Mode TF gives counts, IDF the weight where a count is not zero,
// TFIDF weight times count. A weight belongs to an output coordinate.
//
// The pool is a trie over interned items: nodes are numbers, an edge is found by (node, item).
#include <unordered_map>

#include "ops/op/op.h"

namespace ow {
namespace {

enum class Mode { kTf, kIdf, kTfIdf };

struct Attrs {
  Mode mode = Mode::kTf;
  int64_t min_length = 1, max_length = 1, max_skip = 0, size = 0;
  bool strings = false;
  std::unordered_map<int64_t, int64_t> numbers;
  std::unordered_map<std::string, int64_t> words;  // item -> its number
  std::unordered_map<uint64_t, int64_t> edges;     // node << 32 | item -> node
  std::vector<int64_t> coordinate = {-1};          // of the n-gram that ends at a node; -1: none does
  std::vector<float> weight = {1};                 // the same n-gram's

  const int64_t* edge(int64_t node, int64_t item) const {
    auto it = edges.find(static_cast<uint64_t>(node) << 32 | static_cast<uint64_t>(item));
    return it == edges.end() ? nullptr : &it->second;
  }
};

// Adds the pool's items [begin, begin + length) as one n-gram.
void add_ngram(Attrs& a, const std::vector<int64_t>& items, size_t begin, size_t length, int64_t coordinate,
               float weight) {
  int64_t node = 0;
  for (size_t i = begin; i < begin + length; ++i) {
    const auto key = static_cast<uint64_t>(node) << 32 | static_cast<uint64_t>(items[i]);
    auto [it, fresh] = a.edges.emplace(key, static_cast<int64_t>(a.coordinate.size()));
    if (fresh) {
      a.coordinate.push_back(-1);
      a.weight.push_back(1);
    }
    node = it->second;
  }
  a.coordinate[static_cast<size_t>(node)] = coordinate;
  a.weight[static_cast<size_t>(node)] = weight;
}

void build(Attrs& a, const AttrReader& r, const std::vector<int64_t>& items, const ir::Ints& counts,
           const ir::Ints& indexes, const ir::Floats& weights) {
  size_t ngram = 0;
  for (size_t length = 1; length <= counts.size(); ++length) {
    const int64_t begin = counts[length - 1];
    const int64_t end = length < counts.size() ? counts[length] : static_cast<int64_t>(items.size());
    if (begin < 0 || end < begin || end > static_cast<int64_t>(items.size()))
      return r.fail("ngram_counts",
                    cat("is ", list_text(counts), ", expected ascending positions in a pool of ",
                        items.size(), " items"));
    if ((end - begin) % static_cast<int64_t>(length) != 0)
      return r.fail("ngram_counts",
                    cat("gives ", end - begin, " items to ", length, "-grams, no multiple of ", length));
    for (auto at = static_cast<size_t>(begin); at < static_cast<size_t>(end); at += length, ++ngram) {
      if (ngram >= indexes.size())
        return r.fail("ngram_indexes",
                      cat("has ", indexes.size(), " elements, fewer than the pool has n-grams"));
      const auto n = static_cast<int64_t>(length);
      if (n >= a.min_length && n <= a.max_length)
        add_ngram(a, items, at, length, indexes[ngram], weights.empty() ? 1 : weights[ngram]);
    }
  }
}

Result<Attrs> read(const AttrReader& r) {
  Attrs a;
  const std::string mode = r.required_text("mode");
  a.mode = mode == "IDF" ? Mode::kIdf : mode == "TFIDF" ? Mode::kTfIdf : Mode::kTf;
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    r.fail("mode", cat("is '", printable(mode), "', expected TF, IDF or TFIDF"));
  a.min_length = r.required_integer("min_gram_length");
  a.max_length = r.required_integer("max_gram_length");
  a.max_skip = r.required_integer("max_skip_count");
  if (a.min_length < 1 || a.max_length < a.min_length)
    r.fail("max_gram_length",
           cat("is ", a.max_length, " and min_gram_length ", a.min_length, ", expected 1 <= min <= max"));
  if (a.max_skip < 0) r.fail("max_skip_count", cat("is ", a.max_skip, ", expected at least 0"));
  const ir::Ints indexes = r.required_integers("ngram_indexes"), counts = r.required_integers("ngram_counts");
  for (int64_t i : indexes) {
    if (i < 0 || i >= INT32_MAX)
      r.fail("ngram_indexes", cat("has ", i, ", expected 0 to 2^31 - 2"));
    else
      a.size = std::max(a.size, i + 1);
  }
  const ir::Strings words = r.texts("pool_strings");
  const ir::Ints numbers = r.integers("pool_int64s");
  a.strings = r.has("pool_strings");
  if (a.strings == r.has("pool_int64s")) r.fail("pool_strings", "and pool_int64s: expected one of the two");
  const ir::Floats weights = r.reals("weights");
  if (!weights.empty() && weights.size() != indexes.size())
    r.fail("weights",
           cat("has ", weights.size(), " elements, expected as many as ngram_indexes: ", indexes.size()));
  if (!r.error().ok()) return r.error().clone();
  std::vector<int64_t> items;
  const auto intern = [&items](auto& table, const auto& pool) {
    for (const auto& item : pool)
      items.push_back(table.emplace(item, static_cast<int64_t>(table.size())).first->second);
  };
  intern(a.words, words);
  intern(a.numbers, numbers);
  build(a, r, items, counts, indexes, weights);
  return a;
}

Status infer(const Attrs& a, InferContext& c) {
  if (c.dtype(0) != DType::kUndefined && (c.dtype(0) == DType::kString) != a.strings)
    return c.error("input is of type ", c.dtype(0), ", but the pool holds ",
                   a.strings ? "strings" : "integers");
  const SymShape* x = c.shape(0);
  if (x && x->size() > 2) return c.error("input has rank ", x->size(), ", expected [C] or [N, C]");
  if (!x)
    c.set(0, DType::kFloat32, std::nullopt);
  else
    c.set(0, DType::kFloat32, x->size() == 2 ? SymShape{(*x)[0], a.size} : SymShape{a.size});
  return {};
}

// The items' numbers; -1 for one that is nowhere in the pool.
std::vector<int64_t> intern(const Attrs& a, const Tensor& x) {
  std::vector<int64_t> out;
  const auto look_up = [&out](const auto& table, const auto& items) {
    for (const auto& item : items) {
      auto it = table.find(item);
      out.push_back(it == table.end() ? -1 : it->second);
    }
  };
  if (x.dtype() == DType::kString)
    look_up(a.words, x.span<std::string>());
  else if (x.dtype() == DType::kInt32)
    look_up(a.numbers, x.span<int32_t>());
  else
    look_up(a.numbers, x.span<int64_t>());
  return out;
}

void count_row(const Attrs& a, std::span<const int64_t> row, float* out) {
  const auto n = static_cast<int64_t>(row.size());
  for (int64_t step = 1; step <= std::min(a.max_skip, n) + 1; ++step)
    for (int64_t start = 0; start < n; ++start) {
      int64_t node = 0;
      for (int64_t length = 1, at = start; length <= a.max_length && at < n; ++length, at += step) {
        const int64_t* next =
            row[static_cast<size_t>(at)] < 0 ? nullptr : a.edge(node, row[static_cast<size_t>(at)]);
        if (!next) break;
        node = *next;
        const int64_t coordinate = a.coordinate[static_cast<size_t>(node)];
        if (coordinate < 0 || length < a.min_length || (length == 1 && step > 1)) continue;
        const float weight = a.mode == Mode::kTf ? 1 : a.weight[static_cast<size_t>(node)];
        out[coordinate] = a.mode == Mode::kIdf ? weight : out[coordinate] + weight;
      }
    }
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() > 2) return c.error("input has shape ", x.shape(), ", expected [C] or [N, C]");
  if ((x.dtype() == DType::kString) != a.strings)
    return c.error("input is of type ", x.dtype(), ", but the pool holds ",
                   a.strings ? "strings" : "integers");
  const int64_t rows = x.rank() == 2 ? x.dim(0) : 1, columns = x.rank() == 0 ? 1 : x.dim(x.rank() - 1);
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, x.rank() == 2 ? Shape{rows, a.size} : Shape{a.size}));
  const std::vector<int64_t> items = intern(a, x);
  float* out = y.mutable_data<float>();
  std::fill(out, out + y.count(), 0.0f);
  c.parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      if (c.budget() && c.budget()->stopped()) return;
      count_row(a, std::span(items).subspan(static_cast<size_t>(r * columns), static_cast<size_t>(columns)),
                out + r * a.size);
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

}  // namespace

ONWARD_OPS(tf_idf_vectorizer) {
  return {op<Attrs>({.name = "TfIdfVectorizer", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
