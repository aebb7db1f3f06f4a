// Model: a loaded file, immutable and shared. Session: a model compiled for some options; runs from any
// number of threads at once, each with a frame of its own over the same plan and weights.
#pragma once
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "passes/import.h"
#include "passes/pipeline.h"
#include "runtime/executor.h"

namespace ow {

struct PortInfo {
  std::string name;
  ir::Type type;
  bool is_optional = false;
};

class Model {
 public:
  static Result<std::shared_ptr<Model>> load(const std::string& path);
  // External data is read beneath `folder` only if it is given.
  static Result<std::shared_ptr<Model>> load_bytes(std::span<const std::byte> bytes,
                                                   const std::string& folder = {});

  const onnx::ModelFile& file() const { return *file_; }
  const std::vector<PortInfo>& inputs() const { return inputs_; }
  const std::vector<PortInfo>& outputs() const { return outputs_; }
  // A graph of the caller's own to edit. The first call gets the one that loading made.
  Result<std::shared_ptr<ir::Graph>> graph();

 private:
  static Result<std::shared_ptr<Model>> make(std::shared_ptr<onnx::ModelFile> file);
  std::shared_ptr<onnx::ModelFile> file_;
  std::vector<PortInfo> inputs_, outputs_;
  std::mutex mutex_;
  std::shared_ptr<ir::Graph> fresh_;
};

struct SessionOptions {
  int threads = 0;  // 0: usable_threads()
  Level level = Level::kFull;
  int64_t memory_limit_bytes = 0;  // of one run; 0: none
  std::vector<std::string> providers;
  bool strict_providers = false;
  std::string profile_path;
  bool profile = false;
};

struct RunOptions {
  std::chrono::microseconds timeout{0};
  const std::atomic<bool>* cancel = nullptr;
  int64_t memory_limit_bytes = 0;  // 0: the session's
};

class Session {
 public:
  static Result<std::shared_ptr<Session>> create(std::shared_ptr<Model> model,
                                                 const SessionOptions& options = {});
  ~Session();

  const std::shared_ptr<Model>& model() const { return model_; }
  const Plan& plan() const { return *plan_; }
  const std::vector<PassReport>& passes() const { return passes_; }

  // Inputs by name, in any order; `outputs` empty: all, in the model's order.
  // Errors: InvalidArgument (a missing, unknown or ill-shaped input, contradictions found at run),
  // LimitExceeded, DeadlineExceeded, Cancelled. The session stays usable after any of them.
  Result<std::vector<Value>> run(std::span<const std::pair<std::string_view, Value>> inputs,
                                 std::span<const std::string_view> outputs = {},
                                 const RunOptions& options = {});

  std::string placement_json() const;
  const Profiler* profiler() const { return profiler_.get(); }
  void trim();

 private:
  Session() = default;
  Result<std::vector<Value>> arrange(std::span<const std::pair<std::string_view, Value>> inputs) const;
  Result<std::shared_ptr<const Binding>> binding_for(std::span<const Value> inputs);
  std::unique_ptr<Frame> take_frame();
  Status unshare(std::vector<Value>& results, const std::shared_ptr<Budget>& budget) const;

  static constexpr size_t kMaxBindings = 64;
  std::shared_ptr<Model> model_;
  SessionOptions options_;
  std::shared_ptr<const Plan> plan_;
  std::vector<PassReport> passes_;
  std::vector<std::string> placement_notes_;
  std::unique_ptr<Profiler> profiler_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Frame>> idle_;
  std::list<std::pair<std::string, std::shared_ptr<const Binding>>> bindings_;  // most recent first
};

}  // namespace ow
