#include "fuzz/edit.h"

#include "ir/schema.h"

namespace ow::fuzz {
namespace {

// Calls `visit` for every text of the model; the visitor of one message, which goes into all below it.
template <class F>
class Texts {
 public:
  explicit Texts(F& visit) : visit_(visit) {}
  template <class T>
  void field(uint32_t, std::string_view, T& member) {
    go(member);
  }
  template <class T>
  void packed(uint32_t, std::string_view, T&) {}
  template <class T>
  void one_of(uint32_t, std::string_view, T& member) {
    go(member);
  }

 private:
  void go(const std::optional<onnx::Text>& text) {
    if (text) visit_(*text);
  }
  template <class T>
  void go(const std::optional<T>&) {}
  template <class M>
  void go(const onnx::Box<M>& m) {
    if (m) M::fields(*m, *this);
  }
  template <class T>
  void go(const std::vector<T>& items) {
    for (const T& item : items)
      if constexpr (std::is_same_v<T, onnx::Text>)
        visit_(item);
      else if constexpr (!std::is_arithmetic_v<T>)
        T::fields(item, *this);
  }
  F& visit_;
};

template <class M>
std::vector<M*> all(onnx::Model& model) {
  std::vector<M*> found;
  (void)onnx::for_each<M>(model, [&](M& m, std::string_view) {
    found.push_back(&m);
    return Status();
  });
  return found;
}

template <class M>
bool replace_from(onnx::Model& model, onnx::Model& donor, Random& random) {
  const auto from = all<M>(donor);
  const auto to = all<M>(model);
  if (from.empty() || to.empty()) return false;
  *to[random.below(to.size())] = M(*from[random.below(from.size())]);
  return true;
}

void set_value(onnx::Attribute& a, AttributeType type, Random& random) {
  a.type = static_cast<int32_t>(type);
  switch (type) {
    case AttributeType::kFloat:
      a.f = static_cast<float>(edgy_number(random));
      break;
    case AttributeType::kInt:
      a.i = edgy_integer(random);
      break;
    case AttributeType::kInts:
      a.ints.resize(random.below(5));
      for (int64_t& i : a.ints) i = edgy_integer(random);
      break;
    case AttributeType::kFloats:
      a.floats.resize(random.below(5));
      for (float& f : a.floats) f = static_cast<float>(edgy_number(random));
      break;
    case AttributeType::kString:
      a.s = "linear";
      break;
    default:
      break;
  }
}

}  // namespace

int64_t edgy_integer(Random& random) {
  switch (random.below(4)) {
    case 0:
      return static_cast<int64_t>(random.below(20)) - 4;
    case 1: {
      const uint64_t power = uint64_t{1} << random.below(64);
      return static_cast<int64_t>(power + random.below(3) - 1);
    }
    case 2: {
      const uint64_t power = uint64_t{1} << random.below(64);
      return static_cast<int64_t>(0 - power + random.below(3) - 1);
    }
    default:
      return static_cast<int64_t>(random.bits() >> random.below(64));
  }
}

double edgy_number(Random& random) {
  static constexpr double kEdges[] = {0.0,
                                      -0.0,
                                      0.5,
                                      1.0,
                                      -1.0,
                                      2.0,
                                      1e-45,
                                      1e38,
                                      -1e38,
                                      1e308,
                                      1e-310,
                                      16777217.0,
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN()};
  if (random.one_in(3)) return static_cast<double>(edgy_integer(random));
  return kEdges[random.below(std::size(kEdges))];
}

Vocabulary::Vocabulary(const onnx::Model& model, Random& random) : random_(random) {
  auto add = [&](onnx::Text text) { texts_.push_back(text); };
  Texts texts(add);
  onnx::Model::fields(model, texts);
}

onnx::Text Vocabulary::any() {
  if (random_.one_in(8)) {
    const Schema& schema = all_schemas()[random_.below(all_schemas().size())];
    const auto attributes = schema.attributes();
    return random_.one_in(2) || attributes.empty() ? schema.name()
                                                   : attributes[random_.below(attributes.size())].name();
  }
  if (texts_.empty() || random_.one_in(10)) return {};
  return texts_[random_.below(texts_.size())];
}

onnx::Text Vocabulary::mangled(onnx::Text text) {
  std::string copy(text.substr(0, 4096));
  for (size_t n = 1 + random_.below(3); n > 0; --n) {
    const size_t at = random_.below(copy.size() + 1);
    if (at == copy.size() || random_.one_in(3))
      copy.insert(at, 1, static_cast<char>(random_.bits()));
    else if (random_.one_in(3))
      copy.erase(at, 1 + random_.below(8));
    else
      copy[at] = static_cast<char>(random_.bits() >> random_.below(8));
  }
  return kept_.emplace_back(std::move(copy));
}

void edit_node(onnx::Model& model, Random& random) {
  const auto nodes = all<onnx::Node>(model);
  if (nodes.empty()) return;
  onnx::Node& node = *nodes[random.below(nodes.size())];
  const Schema& any = all_schemas()[random.below(all_schemas().size())];
  if (random.one_in(3)) {
    node.op_type = any.name();
    node.domain = any.domain();
    return;
  }
  const auto versions = schema_versions(onnx::or_default(node.domain), onnx::or_default(node.op_type));
  const auto attributes = versions.empty() ? any.attributes() : versions.back().attributes();
  if (attributes.empty()) return;
  const SchemaAttribute& known = attributes[random.below(attributes.size())];
  auto& list = node.attribute;
  auto at = std::find_if(list.begin(), list.end(),
                         [&](const auto& a) { return onnx::or_default(a.name) == known.name(); });
  onnx::Attribute& a = at == list.end() ? list.emplace_back() : *at;
  a.name = known.name();
  set_value(a, known.type(), random);
}

void edit_model(onnx::Model& model, Random& random, Vocabulary& words) {
  if (random.one_in(4)) return edit_node(model, random);
  FieldEditor count(model, random, words, std::numeric_limits<size_t>::max());
  count.message(model);
  FieldEditor editor(model, random, words, random.below(count.weight()));
  editor.message(model);
}

void cross_models(onnx::Model& model, const onnx::Model& donor, Random& random) {
  onnx::Model source = donor;
  switch (random.below(8)) {
    case 0:
      if (replace_from<onnx::Graph>(model, source, random)) return;
      break;
    case 1:
      if (replace_from<onnx::Attribute>(model, source, random)) return;
      break;
    case 2:
      if (replace_from<onnx::Tensor>(model, source, random)) return;
      break;
    case 3:
      if (replace_from<onnx::Type>(model, source, random)) return;
      break;
    case 4:
      model.functions.insert(model.functions.end(), donor.functions.begin(), donor.functions.end());
      return;
    case 5:
      if (replace_from<onnx::Node>(model, source, random)) return;
      break;
    default:
      break;
  }
  if (!donor.graph) return;
  onnx::Graph& to = model.graph.mutable_value();
  const auto& from = *donor.graph;
  to.node.insert(to.node.begin() + static_cast<std::ptrdiff_t>(random.below(to.node.size() + 1)),
                 from.node.begin(), from.node.end());
  to.initializer.insert(to.initializer.end(), from.initializer.begin(), from.initializer.end());
  if (random.one_in(2)) to.input.insert(to.input.end(), from.input.begin(), from.input.end());
}

}  // namespace ow::fuzz
