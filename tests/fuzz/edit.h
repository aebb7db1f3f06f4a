// Edits of a parsed model for the fuzzers: one random change to one field, found through the visitor that
// also reads and writes the messages, so a new field of the format is fuzzed on the day it is read.
//
// Bytes that a fuzzer mangles rarely survive the wire format, and hardly ever leave names that resolve. An
// edit here keeps the message well formed and prefers what the model already says: names come from the model
// and from the operators' schemas, messages from elsewhere in the same model, numbers from the edges of their
// ranges.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "onnx/model.h"
#include "onnx/walk.h"

namespace ow::fuzz {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // In [0, n); 0 for n = 0.
  size_t below(size_t n) { return n ? static_cast<size_t>(engine_() % n) : 0; }
  bool one_in(size_t n) { return below(n) == 0; }
  uint64_t bits() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// An integer that programs get wrong: a small one, one beside a power of two, or anything.
int64_t edgy_integer(Random& random);
double edgy_number(Random& random);

// Text for a model: what it uses already, names that operators know, and mangled copies of both.
class Vocabulary {
 public:
  Vocabulary(const onnx::Model& model, Random& random);
  onnx::Text any();
  // A copy of `text` with a few bytes changed, kept as long as this object.
  onnx::Text mangled(onnx::Text text);

 private:
  Random& random_;
  std::vector<onnx::Text> texts_;
  std::deque<std::string> kept_;
};

// Visits fields, those that are set with four times the weight of absent ones, and edits the one in which
// `target` falls. With a target past the end it only adds the weights up.
class FieldEditor {
 public:
  FieldEditor(onnx::Model& model, Random& random, Vocabulary& words, size_t target)
      : model_(model), random_(random), words_(words), target_(target) {}

  size_t weight() const { return weight_; }

  template <class M>
  void message(M& m) {
    M::fields(m, *this);
  }
  template <class T>
  void field(uint32_t, std::string_view, T& member) {
    if (done_) return;
    weight_ += is_set(member) ? 4 : 1;
    if (weight_ > target_) {
      done_ = true;
      edit(member);
    } else {
      descend(member);
    }
  }
  template <class T>
  void packed(uint32_t n, std::string_view name, T& member) {
    field(n, name, member);
  }
  template <class T>
  void one_of(uint32_t n, std::string_view name, T& member) {
    field(n, name, member);
  }

 private:
  template <class T>
  static constexpr bool kIsScalar = std::is_arithmetic_v<T> || std::is_same_v<T, onnx::Text>;

  template <class T>
  static bool is_set(const std::optional<T>& m) {
    return m.has_value();
  }
  template <class T>
  static bool is_set(const onnx::Box<T>& m) {
    return m.has_value();
  }
  template <class T>
  static bool is_set(const std::vector<T>& m) {
    return !m.empty();
  }

  template <class T>
  void descend(std::optional<T>&) {}
  template <class T>
  void descend(onnx::Box<T>& m) {
    if (m) message(*m);
  }
  template <class T>
  void descend(std::vector<T>& items) {
    if constexpr (!kIsScalar<T>)
      for (T& item : items)
        if (!done_) message(item);
  }

  template <class T>
  T other_than(T value) {
    if constexpr (std::is_same_v<T, onnx::Text>) {
      return random_.one_in(4) ? words_.mangled(value) : words_.any();
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(edgy_number(random_));
    } else {
      const auto bits = static_cast<uint64_t>(value);
      if (random_.one_in(3)) return static_cast<T>(bits + 1);
      if (random_.one_in(3)) return static_cast<T>(bits - 1);
      return static_cast<T>(edgy_integer(random_));
    }
  }

  template <class T>
  void edit(std::optional<T>& m) {
    if (m && random_.one_in(5))
      m.reset();
    else
      m = other_than(m.value_or(T{}));
  }
  template <class T>
  void edit(onnx::Box<T>& m) {
    if (m && random_.one_in(3)) return m.reset();
    m = donor<T>();
  }
  template <class T>
  void edit(std::vector<T>& items) {
    const size_t at = random_.below(items.size()), to = random_.below(items.size());
    const auto where = items.begin() + static_cast<std::ptrdiff_t>(at);
    switch (items.empty() ? 0 : random_.below(5)) {
      case 0:
        items.insert(where, fresh<T>());
        break;
      case 1:
        items.erase(where);
        break;
      case 2:
        std::swap(items[at], items[to]);
        break;
      case 3:
        items.insert(where, T(items[to]));
        break;
      default:
        if constexpr (kIsScalar<T>)
          items[at] = other_than(items[at]);
        else
          items[at] = fresh<T>();
    }
  }

  template <class T>
  T fresh() {
    if constexpr (kIsScalar<T>)
      return other_than(T{});
    else
      return donor<T>();
  }
  // A copy of a message of this kind from anywhere in the model, or an empty one.
  template <class T>
  T donor() {
    std::vector<const T*> found;
    const onnx::Model& model = model_;
    (void)onnx::for_each<T>(model, [&](const T& m, std::string_view) {
      found.push_back(&m);
      return Status();
    });
    return found.empty() || random_.one_in(8) ? T{} : T(*found[random_.below(found.size())]);
  }

  onnx::Model& model_;
  Random& random_;
  Vocabulary& words_;
  size_t target_, weight_ = 0;
  bool done_ = false;
};

// Gives one node another operator, or an attribute that its operator knows.
void edit_node(onnx::Model& model, Random& random);
// One random edit, of a field or of a node.
void edit_model(onnx::Model& model, Random& random, Vocabulary& words);
// Puts a message of `donor` (a node, attribute, tensor, type, value, graph or function) into `model`.
void cross_models(onnx::Model& model, const onnx::Model& donor, Random& random);

}  // namespace ow::fuzz
