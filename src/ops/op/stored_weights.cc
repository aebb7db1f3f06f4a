#include "ops/op/stored_weights.h"

#include <algorithm>

#include "ops/op/attributes.h"

namespace ow {

namespace {

constexpr int64_t kBlockBytes = int64_t{16} << 20;
constinit thread_local PackedMemory* t_memory = nullptr;

constinit thread_local const LetGoScope::LetGo* t_let_go = nullptr;

}  // namespace

LetGoScope::LetGoScope(const LetGo& let_go) { t_let_go = let_go ? &let_go : nullptr; }
LetGoScope::~LetGoScope() { t_let_go = nullptr; }
const LetGoScope::LetGo* LetGoScope::current() { return t_let_go; }

PackedMemory::Scope::Scope(PackedMemory& memory, int64_t expected_bytes) {
  if (expected_bytes >= kBlockBytes / 2) t_memory = &memory;
}
PackedMemory::Scope::~Scope() { t_memory = nullptr; }

Result<Buffer> PackedMemory::take(int64_t bytes) {
  if (bytes > kBlockBytes / 4) return allocate_buffer(bytes);
  // Whole vectors may be read at the end of a buffer.
  const int64_t rounded = (bytes + 63) / 64 * 64 + 64;
  if (rounded > block_bytes_ - used_bytes_) {
    block_ = ONWARD_TRY(allocate_buffer(kBlockBytes));
    block_bytes_ = kBlockBytes, used_bytes_ = 0;
  }
  Buffer out(block_, block_.get() + used_bytes_);
  used_bytes_ += rounded;
  return out;
}

Result<Buffer> packed_buffer(int64_t bytes) {
  return t_memory && bytes >= 0 ? t_memory->take(bytes) : allocate_buffer(bytes);
}

bool packs_unaligned(const ir::Node& node, size_t input) {
  if (!node.domain.empty() && node.domain != "onward") return false;
  const auto is = [&](auto... names) { return ((node.op_type == names) || ...); };
  if (is("Conv", "ConvTranspose", "MatMul", "Gemm")) return input == 1;
  if (is("LSTM", "GRU", "RNN")) return input == 1 || input == 2;
  return is("ConvDepthwise") && (input == 1 || input == 3);
}

// Rows are copied byte by byte; single elements are not.
bool runs_unaligned(const ir::Node& node, size_t input) {
  if (!node.is("Gather") || input != 0) return false;
  const auto& shape = node.input(0)->type().shape;
  if (!shape || shape->size() < 2 || AttrReader(node).integer("axis", 0) != 0) return false;
  const auto sizes = concrete(*shape);
  return sizes && sizes->count(1, sizes->rank()) > 1;
}

bool may_stay_unaligned(const ir::Value& v) {
  return v.output_uses() == 0 && std::all_of(v.uses().begin(), v.uses().end(), [](const auto& use) {
           const auto input = static_cast<size_t>(use.input_index);
           return packs_unaligned(*use.node, input) || runs_unaligned(*use.node, input);
         });
}

}  // namespace ow
