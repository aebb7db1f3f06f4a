// Model: a loaded file, immutable and shared. Session: a model compiled for some options; runs from any
// number of threads at once, each with a frame of its own over the same plan and weights.
#pragma once
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "ops/op/tuning.h"
#include "passes/export.h"
#include "passes/pipeline.h"
#include "runtime/executor.h"
#include "tensor/memory_source.h"

namespace ow {

struct PortInfo {
  std::string name;
  ir::Type type;
  bool is_optional = false;
};

// The file's bytes; what they say; the same of a file without a graph.
enum class LoadStage { kRead, kImport, kImportNothing };

struct LoadOptions {
  std::string folder;  // of external data; empty: the file's own, or none for bytes
  std::map<std::string, Tensor, std::less<>> initializers;                // these, not those of the file
  std::vector<std::pair<std::string, std::span<const std::byte>>> files;  // external data in memory, borrowed
};

class Model {
 public:
  // `stage`, if given, is left at what was done last: after an error, what failed.
  static Result<std::shared_ptr<Model>> load(const std::string& path, const LoadOptions& options = {},
                                             LoadStage* stage = nullptr);
  static Result<std::shared_ptr<Model>> load_bytes(std::span<const std::byte> bytes,
                                                   const LoadOptions& options = {},
                                                   LoadStage* stage = nullptr);

  const onnx::ModelFile& file() const { return *file_; }
  const std::shared_ptr<onnx::ModelFile>& shared_file() const { return file_; }
  const std::vector<PortInfo>& inputs() const { return inputs_; }
  const std::vector<PortInfo>& outputs() const { return outputs_; }
  // A graph of the caller's own to edit, and its inputs and outputs under the names of the file.
  struct Import {
    std::shared_ptr<ir::Graph> graph;
    std::vector<PortInfo> inputs, outputs;
  };
  // Without overrides the first call gets the graph that loading made. Overrides of the same initializer win
  // over those given to load.
  Result<Import> import(ImportOverrides overrides = {});
  // Outputs that the file declares as sparse and gives as sparse initializers, by index.
  const std::map<size_t, SparseValue>& sparse_outputs() const { return sparse_outputs_; }
  // The model in standard operators, simplified as far as `options` allow, with their overrides in it.
  // Errors: those of import_model and export_model.
  Result<ExportedModel> optimize(const struct SessionOptions& options) const;

 private:
  static Result<std::shared_ptr<Model>> make(std::shared_ptr<onnx::ModelFile> file,
                                             const LoadOptions& options);
  static Import describe(const onnx::ModelFile& file, ImportedModel imported);
  Status find_sparse_outputs();
  std::shared_ptr<onnx::ModelFile> file_;
  std::map<std::string, Tensor, std::less<>> initializers_;
  std::vector<PortInfo> inputs_, outputs_;
  std::map<size_t, SparseValue> sparse_outputs_;
  std::mutex mutex_;
  std::shared_ptr<ir::Graph> fresh_;
};

struct SessionOptions {
  int threads = 0;  // 0: usable_threads()
  Level level = Level::kFull;
  bool strict_math = false;        // products are summed in double, in order, and rounded once
  int64_t memory_limit_bytes = 0;  // of one run; 0: usable_memory_bytes()
  std::vector<std::string> providers;
  bool strict_providers = false;
  std::string profile_path;
  bool profile = false;
  std::string log_id;                                        // before each message: "[id] "
  std::optional<LogLevel> log_level;                         // nullopt: the process's
  std::function<void(LogLevel, std::string_view)> log_sink;  // null: the process's
  ImportOverrides overrides;
  MemorySource memory;  // of runs
  std::vector<std::string> skipped_passes;
  // Of operators that state no seed: run number i of the session draws the same numbers in every session of
  // the same model and options, and the first operator of run 0 as if it stated this seed. nullopt: from the
  // clock.
  std::optional<uint64_t> random_seed;
  // Methods of operators by trial, and the file that keeps them (ops/op/tuning.h); "": the usual one.
  TuningUse tuning = TuningUse::kOff;
  std::string tuning_file;
};

struct RunOptions {
  std::chrono::microseconds timeout{0};
  const std::atomic<bool>* cancel = nullptr;
  int64_t memory_limit_bytes = 0;  // 0: the session's
  bool trim_after = false;
};

class Session {
 public:
  static Result<std::shared_ptr<Session>> create(std::shared_ptr<Model> model,
                                                 const SessionOptions& options = {});
  ~Session();

  const std::shared_ptr<Model>& model() const { return model_; }
  const Plan& plan() const { return *main_.plan; }
  const std::vector<PassReport>& passes() const { return passes_; }
  const SessionOptions& options() const { return options_; }
  // The model's, with the sizes that the options give to open dimensions.
  const std::vector<PortInfo>& inputs() const { return inputs_; }
  const std::vector<PortInfo>& outputs() const { return outputs_; }

  // Inputs by name, in any order; `outputs` empty: all, in the model's order.
  // Errors: InvalidArgument (a missing, unknown or ill-shaped input, contradictions found at run),
  // LimitExceeded, DeadlineExceeded, Cancelled. The session stays usable after any of them.
  // `targets`, empty or one for each output: where it is not null, the result is written to that dense
  // tensor, of the same type and shape, and the returned value is empty. No two targets may share memory.
  Result<std::vector<Value>> run(std::span<const std::pair<std::string_view, Value>> inputs,
                                 std::span<const std::string_view> outputs = {},
                                 const RunOptions& options = {}, std::span<Tensor* const> targets = {});

  std::string placement_json() const;
  std::string report_json() const;
  const Profiler& profiler() const { return profiler_; }
  void start_profile();  // forgets what was recorded before
  void stop_profile() { profiling_ = false; }
  void trim();

 private:
  // The model compiled once, and what its runs keep.
  struct Compiled {
    std::shared_ptr<const Plan> plan;
    std::vector<std::unique_ptr<Frame>> idle;
    std::list<std::pair<std::string, std::shared_ptr<const Binding>>> bindings;  // most recent first
  };
  struct Arranged {
    std::vector<Value> values;  // in the order of the ports
    std::string conflict;       // a symbol that stands for two sizes; empty: none does
  };
  Session() = default;
  template <class... T>
  void log(LogLevel level, const T&... parts) const;
  Status compile();
  PlanOptions plan_options() const;
  Result<std::shared_ptr<const Plan>> compile_tuned(const std::shared_ptr<ir::Graph>& graph) const;
  // For inputs in which a symbol stands for two sizes; compiled when it is first asked for.
  Result<Compiled*> separate(const std::string& conflict);
  Result<std::vector<size_t>> wanted_outputs(std::span<const std::string_view> names) const;
  std::shared_ptr<Budget> budget_for(const RunOptions& options, int64_t limit) const;
  Result<Arranged> arrange(std::span<const std::pair<std::string_view, Value>> inputs) const;
  Result<std::shared_ptr<const Binding>> binding_for(Compiled& compiled, std::span<const Value> inputs);
  std::unique_ptr<Frame> take_frame(Compiled& compiled);

  static constexpr size_t kMaxBindings = 64;
  std::shared_ptr<Model> model_;
  SessionOptions options_;
  Compiled main_;
  std::unique_ptr<Compiled> separate_;
  std::vector<PortInfo> inputs_, outputs_;
  std::vector<PassReport> passes_;
  std::vector<std::string> placement_notes_;
  std::shared_ptr<Budget> arena_memory_;
  Profiler profiler_;
  std::atomic<bool> profiling_{false};
  std::atomic<uint64_t> runs_{0};
  std::mutex mutex_, separate_mutex_;
};

}  // namespace ow
