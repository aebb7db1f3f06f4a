// Why a fusion left nodes as they are, for people who look at a slow model. A matcher that has found the
// anchor of its pattern (the Erf of a Gelu, the Softmax between two products) and gives up says what it found
// and what it expected; of several forms that a pattern has, the one that got furthest speaks. Nodes that are
// plainly something else get no reason. Text is made only where somebody asks.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace ow {

struct MissedFusion {
  std::string pass;
  std::string node, output;  // the anchor's label, and the name of its first output
  std::string reason;        // "the mask 'm' is float[2,7], expected ..."
};

// What the passes said that have run, in their order; of each pass what it said last.
class MissedFusions {
 public:
  const std::vector<MissedFusion>& list() const { return list_; }
  // What is said from here on is said by this pass, which forgets what it said before.
  void begin(std::string_view pass);
  // What was said of the node, if there is something.
  const MissedFusion* about(const ir::Node& node) const;

 private:
  friend class Why;
  std::string pass_;
  std::vector<MissedFusion> list_;
};

// In messages: the readers of a value, "'x' is read by 2 nodes: ... and ...", and what makes it.
struct ReadersOf {
  const ir::Value* value;
};
struct MakerOf {
  const ir::Value* value;
};

// One anchor's question. Where nobody asks, it costs a comparison.
class Why {
 public:
  Why(MissedFusions* missed, const ir::Node& anchor) : missed_(missed), anchor_(anchor) {}
  Why(const Why&) = delete;

  bool asked() const { return missed_ != nullptr; }
  // The pattern stops here, `steps` of its nodes in. Parts: as for cat(), or nodes, values ("'x'"), types,
  // ReadersOf, MakerOf.
  template <class... Parts>
  std::nullopt_t no(int steps, const Parts&... parts) {
    if (missed_ && steps > steps_) say(steps, cat(shown(parts)...));
    return std::nullopt;
  }
  // There is nothing to tell: the anchor was taken after all, or is something else.
  void dismiss();

 private:
  template <class T>
  static const T& shown(const T& part) {
    return part;
  }
  static std::string shown(const ir::Type& type) { return printable(type.text()); }
  static std::string shown(const ir::Node* node) { return node->label(); }
  static std::string shown(ir::Node* node) { return node->label(); }
  static std::string shown(const ir::Value* value);
  static std::string shown(ir::Value* value) { return shown(static_cast<const ir::Value*>(value)); }
  static std::string shown(const ReadersOf& readers);
  static std::string shown(const MakerOf& maker);
  void say(int steps, std::string reason);

  MissedFusions* missed_;
  const ir::Node& anchor_;
  int steps_ = -1;
  std::optional<size_t> place_;  // of what was said, in the list
};

}  // namespace ow
