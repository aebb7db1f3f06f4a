// Symbolic dimensions: integer polynomials over named symbols, floor divisions, remainders, minima and
// maxima.
//
// "N*2+1" stays what it is through shape inference; equal expressions are recognised by their canonical text.
// An unknown size is a symbol of its own ("?7"), equal to nothing but itself.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/shape.h"

namespace ow {

class Dim {
 public:
  Dim() : Dim(0) {}
  Dim(int64_t constant) : constant_(constant) {}
  static Dim symbol(std::string_view name);
  static Dim unknown();  // a fresh symbol

  bool is_constant() const { return terms_ == nullptr; }
  std::optional<int64_t> constant() const {
    return terms_ ? std::nullopt : std::optional<int64_t>(constant_);
  }
  bool is(int64_t value) const { return !terms_ && constant_ == value; }
  bool is_unknown() const;  // exactly one fresh symbol
  std::string text() const;

  // Value under a binding of symbols; nullopt if a symbol has no value, on overflow or division by zero.
  using Lookup = std::function<std::optional<int64_t>(std::string_view)>;
  std::optional<int64_t> evaluate(const Lookup& lookup) const;
  // Calls fn(name) for each symbol in the expression, repeats included.
  void visit_symbols(const std::function<void(std::string_view)>& fn) const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  friend bool operator==(const Dim& a, const Dim& b);

  struct Atom;
  struct Term;

 private:
  using Terms = std::vector<Term>;
  friend struct DimAlgebra;
  int64_t constant_ = 0;                // value when terms_ is null
  std::shared_ptr<const Terms> terms_;  // canonical: sorted, at least one non-constant term
};

// Division rounds towards minus infinity; b must not be zero (a constant 0 gives an unknown).
Dim floor_div(const Dim& a, const Dim& b);
Dim ceil_div(const Dim& a, const Dim& b);
Dim mod(const Dim& a, const Dim& b);
Dim min(const Dim& a, const Dim& b);
Dim max(const Dim& a, const Dim& b);
inline void append(std::string& out, const Dim& d) { out += d.text(); }

// A shape whose extents may be symbolic.
using SymShape = std::vector<Dim>;
std::optional<Shape> concrete(const SymShape& shape);  // nullopt unless all are constants >= 0
SymShape symbolic(const Shape& shape);
Dim product(const SymShape& shape, size_t from, size_t to);

}  // namespace ow
