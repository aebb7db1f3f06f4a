#include "tensor/memory_source.h"

namespace ow {
namespace {

// Rides with the budget's reference count, so that a Budget knows nothing of memory.
struct SourceDeleter {
  MemorySource source;
  void operator()(Budget* b) const { delete b; }
};

}  // namespace

std::shared_ptr<Budget> make_budget(const MemorySource& source) {
  if (!source.allocate) return std::make_shared<Budget>();
  return {new Budget, SourceDeleter{source}};
}

const MemorySource* memory_source(const std::shared_ptr<Budget>& budget) {
  const auto* deleter = std::get_deleter<SourceDeleter>(budget);
  return deleter ? &deleter->source : nullptr;
}

}  // namespace ow
