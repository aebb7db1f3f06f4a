#include "runtime/prepare.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "base/parallel_tasks.h"
#include "ops/op/stored_weights.h"
#include "ops/op/tuning.h"
#include "tensor/alignment.h"

namespace ow {
namespace {

class Preparer {
 public:
  explicit Preparer(const PlanOptions& options) : options_(options) {}

  Result<std::vector<Preparation>> run(const ir::Graph& graph) {
    std::vector<Preparation> all;
    all.reserve(graph.nodes().size());
    for (const auto& node : graph.nodes()) {
      Preparation& p = all.emplace_back();
      p.op = find_op(node->domain, node->op_type);
      if (!p.op || !p.op->can_run) return unsupported(node->label(), ": no CPU kernel for this operator");
      p.attrs = ONWARD_TRY(p.op->read(AttrReader(*node)));
      if (!p.op->has_prepare) continue;
      const int64_t bytes = ONWARD_TRY(align_constants(*node));
      tasks_.push_back({node.get(), &p, bytes, {}});
    }
    ONWARD_TRY(run_tasks());
    return all;
  }

 private:
  struct Task {
    const ir::Node* node;
    Preparation* preparation;
    int64_t bytes;  // to pack
    Status status;
  };

  // Copies what `prepare` may look into and does not take at any address. Returns the bytes of what it does.
  Result<int64_t> align_constants(const ir::Node& node) {
    int64_t bytes = 0;
    for (size_t i = 0; i < node.inputs().size(); ++i) {
      ir::Value* v = node.inputs()[i];
      if (!v || !v->is_constant()) continue;
      if (packs_unaligned(node, i))
        bytes += v->fact.constant->bytes();
      else if (!runs_unaligned(node, i) && !is_aligned(*v->fact.constant))
        v->fact.constant = ONWARD_TRY(copy_aligned(*v->fact.constant, options_));
    }
    return bytes;
  }

  Status run_tasks() {
    int64_t total = 0;
    for (const Task& t : tasks_) total += t.bytes;
    // Methods are measured with nobody beside them.
    const bool together = options_.threads > 1 && !Tuning::current();
    std::vector<Task*> small;
    for (Task& t : tasks_) {
      if (together && t.bytes <= total / (2 * options_.threads))
        small.push_back(&t);
      else
        run_task(t, options_.threads);
    }
    std::vector<PackedMemory> memory(static_cast<size_t>(std::max(options_.threads, 1)));
    parallel_tasks(static_cast<int64_t>(small.size()), options_.threads, [&](int64_t thread, int64_t i) {
      const PackedMemory::Scope scope(memory[static_cast<size_t>(thread)], total / options_.threads);
      run_task(*small[static_cast<size_t>(i)], 1);
    });
    for (Task& t : tasks_) ONWARD_TRY(std::move(t.status));
    return {};
  }

  void run_task(Task& t, int threads) {
    const LetGoScope scope(options_.let_go);
    PrepareContext context(*t.node, threads, options_.strict);
    auto made = t.preparation->op->prepare(t.preparation->attrs.get(), context);
    if (!made.ok()) {
      t.status = made.take_status();
      return;
    }
    t.preparation->made = *std::move(made);
    t.preparation->dropped = context.dropped();
    for (size_t i = 0; i < std::min<size_t>(32, t.node->inputs().size()); ++i)
      if (context.dropped() >> i & 1) drop_use(t.node->inputs()[i]);
  }

  // One reader of a constant has it packed; after the last of them nobody needs it.
  void drop_use(ir::Value* v) {
    std::optional<Tensor> constant;
    {
      std::lock_guard lock(mutex_);
      if (++dropped_uses_[v] != v->uses().size() || v->output_uses() > 0 || !v->is_constant()) return;
      constant.swap(v->fact.constant);
    }
    if (options_.let_go) options_.let_go({constant->raw(), static_cast<size_t>(constant->bytes())});
  }

  const PlanOptions& options_;
  std::vector<Task> tasks_;
  std::mutex mutex_;
  std::unordered_map<const ir::Value*, size_t> dropped_uses_;
};

}  // namespace

Result<std::vector<Preparation>> prepare_nodes(const ir::Graph& graph, const PlanOptions& options) {
  return Preparer(options).run(graph);
}

Result<Tensor> copy_aligned(const Tensor& stored, const PlanOptions& options) {
  Tensor copy = ONWARD_TRY(aligned(stored));
  if (copy.raw() != stored.raw() && options.let_go)
    options.let_go({stored.raw(), static_cast<size_t>(stored.bytes())});
  return copy;
}

}  // namespace ow
