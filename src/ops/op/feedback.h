// Inference of a graph whose outputs flow back into its inputs: the body of Loop or Scan.
//
// What holds in every iteration is a fixed point. It starts from the facts of the first iteration; a size (or
// known element) that comes back as another one becomes a new symbol, and the body is inferred again, until
// nothing changes. After a few rounds every size of the state becomes a symbol, then its rank unknown, so it
// always ends. A size that was widened once stays so for the same body: in a nest of loops an inner one is
// mostly inferred once a round of the outer one, and the rounds of a nest add up instead of multiplying.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ops/op/infer.h"

namespace ow {

// The type with no shape known, of its elements neither.
ir::Type without_shape(ir::Type type);

class FeedbackInference {
 public:
  // Infers the body once for these facts of its inputs, forgetting what it found before.
  using Once = std::function<Result<std::vector<ir::Fact>>(std::span<const ir::Fact> inputs)>;

  // Facts of the outputs that hold in every iteration; a size that depends on one that changes is a symbol
  // of its own there. Where the first iteration's shapes contradict the
  // body (which may never run), the state's shapes count as unknown.
  Result<std::vector<ir::Fact>> infer(const void* body, std::vector<ir::Fact> inputs,
                                      std::span<const Feedback> feedback, const Once& once);

 private:
  struct Widest {
    std::vector<ir::Fact> inputs;
    int round = 0;
  };
  bool is_widened(const Dim& d) const;
  Dim widened(const Dim& in, const Dim& out, bool& changed);
  ir::Type widened(const ir::Type& in, const ir::Type& out, bool& changed);
  bool widen(ir::Fact& in, const ir::Fact& out);
  void widen_all(ir::Fact& in, bool rank);
  void keep_widened(ir::Fact& fact, const ir::Fact& before) const;
  void leave_body(std::vector<ir::Fact>& outputs) const;

  std::unordered_map<const void*, Widest> widest_;
  std::unordered_set<std::string> symbols_;  // made here, each for a size that changes
};

}  // namespace ow
