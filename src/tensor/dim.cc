#include "tensor/dim.h"

#include <algorithm>
#include <atomic>

namespace ow {

enum class AtomKind { kSymbol, kFloorDiv, kMod, kMin, kMax };

struct Dim::Atom {
  AtomKind kind;
  std::string text;  // canonical; decides order and equality
  Dim a, b;          // operands of a function
};

// coefficient * product of atoms; the constant term has none.
struct Dim::Term {
  int64_t coefficient;
  std::vector<std::shared_ptr<const Atom>> atoms;
};

namespace {
constinit std::atomic<int64_t> g_unknowns{0};

int64_t floor_divide(int64_t a, int64_t b) {
  int64_t q = a / b;
  return q - ((a % b != 0) && ((a < 0) != (b < 0)));
}
}  // namespace

struct DimAlgebra {
  using Atom = Dim::Atom;
  using Term = Dim::Term;
  using Terms = Dim::Terms;

  static Terms terms(const Dim& d) {
    if (d.terms_) return *d.terms_;
    if (d.constant_ == 0) return {};
    return {Term{d.constant_, {}}};
  }

  static int compare(const Term& a, const Term& b) {
    // Higher degree first, the constant last, else by text.
    if (a.atoms.size() != b.atoms.size()) return a.atoms.size() > b.atoms.size() ? -1 : 1;
    for (size_t i = 0; i < a.atoms.size(); ++i)
      if (int c = a.atoms[i]->text.compare(b.atoms[i]->text)) return c;
    return 0;
  }

  static Dim from(Terms terms) {
    std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) { return compare(a, b) < 0; });
    Terms merged;
    for (Term& t : terms) {
      if (!merged.empty() && compare(merged.back(), t) == 0) {
        auto sum = checked_add(merged.back().coefficient, t.coefficient);
        if (!sum) return Dim::unknown();
        merged.back().coefficient = *sum;
      } else {
        merged.push_back(std::move(t));
      }
    }
    std::erase_if(merged, [](const Term& t) { return t.coefficient == 0; });
    if (merged.size() > 64) return Dim::unknown();
    if (merged.empty()) return Dim(0);
    if (merged.size() == 1 && merged[0].atoms.empty()) return Dim(merged[0].coefficient);
    Dim d;
    d.terms_ = std::make_shared<const Terms>(std::move(merged));
    return d;
  }

  static Dim atom(AtomKind kind, std::string text, Dim a, Dim b) {
    if (text.size() > 400) return Dim::unknown();
    auto made = std::make_shared<const Atom>(Atom{kind, std::move(text), std::move(a), std::move(b)});
    return from({Term{1, {made}}});
  }

  static Dim function(AtomKind kind, const char* name, const Dim& a, const Dim& b) {
    return atom(kind, cat(name, "(", a.text(), ", ", b.text(), ")"), a, b);
  }

  static std::optional<Term> multiply(const Term& a, const Term& b) {
    auto c = checked_mul(a.coefficient, b.coefficient);
    if (!c) return std::nullopt;
    Term t{*c, a.atoms};
    t.atoms.insert(t.atoms.end(), b.atoms.begin(), b.atoms.end());
    std::sort(t.atoms.begin(), t.atoms.end(), [](auto& x, auto& y) { return x->text < y->text; });
    return t;
  }

  // t / divisor if it divides exactly.
  static std::optional<Term> divide(const Term& t, const Term& divisor) {
    if (divisor.coefficient == -1 && t.coefficient == INT64_MIN) return std::nullopt;
    if (t.coefficient % divisor.coefficient != 0) return std::nullopt;
    Term out{t.coefficient / divisor.coefficient, t.atoms};
    for (const auto& a : divisor.atoms) {
      auto it = std::find_if(out.atoms.begin(), out.atoms.end(), [&](auto& x) { return x->text == a->text; });
      if (it == out.atoms.end()) return std::nullopt;
      out.atoms.erase(it);
    }
    return out;
  }

  // Splits a into (quotient part divided exactly by the single-term b, rest).
  static std::pair<Dim, Dim> split(const Dim& a, const Dim& b) {
    Terms divisor = terms(b), exact, rest;
    for (const Term& t : terms(a)) {
      auto q = divisor.size() == 1 ? divide(t, divisor[0]) : std::nullopt;
      if (q)
        exact.push_back(*q);
      else
        rest.push_back(t);
    }
    return {from(std::move(exact)), from(std::move(rest))};
  }

  // floor((floor(x / c) + k) / b) = floor((x + k c) / (b c)) for constants b, c > 0 and k: the chain of
  // strides in a network stays one division.
  static std::optional<Dim> flatten_division(const Dim& a, const Dim& b) {
    const Terms sum = terms(a);
    if (sum.empty() || sum.size() > 2 || sum[0].coefficient != 1 || sum[0].atoms.size() != 1)
      return std::nullopt;
    if (sum.size() == 2 && !sum[1].atoms.empty()) return std::nullopt;
    const Atom& inner = *sum[0].atoms[0];
    if (inner.kind != AtomKind::kFloorDiv) return std::nullopt;
    const int64_t c = inner.b.constant().value_or(0), outer = b.constant().value_or(0);
    if (c <= 0 || outer <= 0 || !checked_mul(c, outer)) return std::nullopt;
    const Dim k = sum.size() == 2 ? Dim(sum[1].coefficient) : Dim(0);
    return floor_div(inner.a + k * Dim(c), Dim(c * outer));
  }

  static std::optional<int64_t> evaluate(const Atom& a, const Dim::Lookup& lookup) {
    if (a.kind == AtomKind::kSymbol) return lookup(a.text);
    auto x = a.a.evaluate(lookup), y = a.b.evaluate(lookup);
    if (!x || !y) return std::nullopt;
    switch (a.kind) {
      case AtomKind::kMin:
        return std::min(*x, *y);
      case AtomKind::kMax:
        return std::max(*x, *y);
      default:
        break;
    }
    if (*y == 0 || (*y == -1 && *x == INT64_MIN)) return std::nullopt;
    if (a.kind == AtomKind::kFloorDiv) return floor_divide(*x, *y);
    const int64_t r = *x % *y;
    return r != 0 && (r < 0) != (*y < 0) ? r + *y : r;
  }
};

Dim Dim::symbol(std::string_view name) {
  return DimAlgebra::atom(AtomKind::kSymbol, std::string(name), {}, {});
}
Dim Dim::unknown() { return symbol(cat("?", g_unknowns.fetch_add(1, std::memory_order_relaxed))); }

bool Dim::is_unknown() const {
  return terms_ && terms_->size() == 1 && (*terms_)[0].coefficient == 1 && (*terms_)[0].atoms.size() == 1 &&
         (*terms_)[0].atoms[0]->text[0] == '?';
}

std::string Dim::text() const {
  if (!terms_) return cat(constant_);
  std::string out;
  for (const Term& t : *terms_) {
    int64_t c = t.coefficient;
    if (!out.empty())
      out += c < 0 ? "-" : "+";
    else if (c < 0)
      out += "-";
    uint64_t magnitude = c < 0 ? 0 - static_cast<uint64_t>(c) : static_cast<uint64_t>(c);
    bool first = true;
    if (t.atoms.empty() || magnitude != 1) {
      append(out, magnitude);
      first = false;
    }
    for (const auto& a : t.atoms) {
      if (!first) out += '*';
      first = false;
      out += a->text;
    }
  }
  return out;
}

std::optional<int64_t> Dim::evaluate(const Lookup& lookup) const {
  if (!terms_) return constant_;
  int64_t sum = 0;
  for (const Term& t : *terms_) {
    int64_t value = t.coefficient;
    for (const auto& a : t.atoms) {
      auto v = DimAlgebra::evaluate(*a, lookup);
      if (!v || __builtin_mul_overflow(value, *v, &value)) return std::nullopt;
    }
    if (__builtin_add_overflow(sum, value, &sum)) return std::nullopt;
  }
  return sum;
}

void Dim::visit_symbols(const std::function<void(std::string_view)>& fn) const {
  if (!terms_) return;
  for (const Term& t : *terms_)
    for (const auto& a : t.atoms) {
      if (a->kind == AtomKind::kSymbol) {
        fn(a->text);
      } else {
        a->a.visit_symbols(fn);
        a->b.visit_symbols(fn);
      }
    }
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) {
    auto sum = checked_add(a.constant_, b.constant_);
    return sum ? Dim(*sum) : Dim::unknown();
  }
  auto terms = DimAlgebra::terms(a), more = DimAlgebra::terms(b);
  terms.insert(terms.end(), more.begin(), more.end());
  return DimAlgebra::from(std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) {
    auto product = checked_mul(a.constant_, b.constant_);
    return product ? Dim(*product) : Dim::unknown();
  }
  DimAlgebra::Terms out;
  for (const auto& x : DimAlgebra::terms(a))
    for (const auto& y : DimAlgebra::terms(b)) {
      auto t = DimAlgebra::multiply(x, y);
      if (!t || t->atoms.size() > 16) return Dim::unknown();
      out.push_back(*t);
    }
  return DimAlgebra::from(std::move(out));
}

bool operator==(const Dim& a, const Dim& b) {
  if (a.is_constant() || b.is_constant())
    return a.is_constant() && b.is_constant() && a.constant_ == b.constant_;
  return a.terms_ == b.terms_ || a.text() == b.text();
}

Dim floor_div(const Dim& a, const Dim& b) {
  if (b.is(1)) return a;
  if (b.is(0)) return Dim::unknown();
  if (a.is(0)) return 0;
  if (a.is_constant() && b.is_constant()) {
    if (b.is(-1)) return Dim(0) - a;
    return floor_divide(*a.constant(), *b.constant());
  }
  if (a == b) return 1;
  auto [exact, rest] = DimAlgebra::split(a, b);
  if (rest.is(0)) return exact;
  if (rest.is_constant() && b.is_constant()) return exact + floor_div(rest, b);
  if (auto flat = DimAlgebra::flatten_division(rest, b)) return exact + *flat;
  return exact + DimAlgebra::function(AtomKind::kFloorDiv, "floordiv", rest, b);
}

Dim ceil_div(const Dim& a, const Dim& b) { return Dim(0) - floor_div(Dim(0) - a, b); }

Dim mod(const Dim& a, const Dim& b) {
  if (b.is(0)) return Dim::unknown();
  if (b.is(1) || b.is(-1)) return 0;
  if (a.is_constant() && b.is_constant()) return a - floor_div(a, b) * b;
  auto [exact, rest] = DimAlgebra::split(a, b);
  if (rest.is(0)) return 0;
  return DimAlgebra::function(AtomKind::kMod, "mod", rest, b);
}

Dim min(const Dim& a, const Dim& b) {
  if (a == b) return a;
  auto difference = (a - b).constant();
  if (difference) return *difference < 0 ? a : b;
  return a.text() < b.text() ? DimAlgebra::function(AtomKind::kMin, "min", a, b)
                             : DimAlgebra::function(AtomKind::kMin, "min", b, a);
}

Dim max(const Dim& a, const Dim& b) {
  if (a == b) return a;
  auto difference = (a - b).constant();
  if (difference) return *difference > 0 ? a : b;
  return a.text() < b.text() ? DimAlgebra::function(AtomKind::kMax, "max", a, b)
                             : DimAlgebra::function(AtomKind::kMax, "max", b, a);
}

std::optional<Shape> concrete(const SymShape& shape) {
  Shape out;
  for (const Dim& d : shape) {
    if (!d.is_constant() || *d.constant() < 0) return std::nullopt;
    out.push_back(*d.constant());
  }
  return out;
}

SymShape symbolic(const Shape& shape) { return SymShape(shape.begin(), shape.end()); }

Dim product(const SymShape& shape, size_t from, size_t to) {
  Dim out = 1;
  for (size_t i = from; i < to; ++i) out = out * shape[i];
  return out;
}

}  // namespace ow
