// Values from another engine in a Python process. A job is a JSON file: the model, the backend, the inputs
// and the names wanted; the answer is one, too. Tensors are .npy files beside them; what NumPy has no type
// for goes as a wider type, with its ONNX name.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/file.h"
#include "tools/command.h"
#include "tools/outputs.h"
#include "tools/reference.h"
#include "tools/report.h"
#include "tools/temporary.h"
#include "tools/tensor_file.h"

extern char** environ;

namespace onward::tools {
namespace {

using nlohmann::json;

constexpr int kNoPackage = 3;

constexpr const char* kScript = R"py(
import json, os, sys
folder = sys.argv[1]
job = json.load(open(os.path.join(folder, "job.json")))
try:
    import numpy as np
    if job["backend"] == "onnx":
        import onnx
        from onnx.reference import ReferenceEvaluator
    else:
        import onnxruntime
except ImportError as e:
    print(e, file=sys.stderr)
    sys.exit(3)

NARROW = {"bfloat16": "bfloat16", "float8e4m3fn": "float8_e4m3fn", "float8e4m3fnuz": "float8_e4m3fnuz",
          "float8e5m2": "float8_e5m2", "float8e5m2fnuz": "float8_e5m2fnuz", "float8e8m0": "float8_e8m0fnu",
          "float4e2m1": "float4_e2m1fn", "uint4": "uint4", "int4": "int4", "uint2": "uint2", "int2": "int2"}

def load(v):
    if v["kind"] == "sequence":
        return [load(item) for item in v["items"]]
    if v["kind"] == "map":
        return {(k if v["text_keys"] else int(k)): load(item) for k, item in zip(v["keys"], v["items"])}
    if v["kind"] == "nothing":
        return None
    a = np.load(os.path.join(folder, v["file"]))
    if v["dtype"] in NARROW:
        import ml_dtypes
        a = a.astype(getattr(ml_dtypes, NARROW[v["dtype"]]))
    return a.astype(object) if a.dtype.kind == "U" else a

count = 0
def save(v):
    global count
    if v is None:
        return {"kind": "nothing"}
    if isinstance(v, dict):
        keys = sorted(v)
        return {"kind": "map", "keys": [str(k) for k in keys], "text_keys": any(isinstance(k, str) for k in keys),
                "items": [save(v[k]) for k in keys]}
    if isinstance(v, (list, tuple)):
        return {"kind": "sequence", "items": [save(item) for item in v]}
    if not hasattr(v, "dtype") and not hasattr(v, "shape"):
        v = np.float32(v) if isinstance(v, float) else v
    a = np.asarray(v)
    if a.dtype.kind == "O":
        a = np.array([s.decode("utf-8", "replace") if isinstance(s, bytes) else str(s) for s in a.reshape(-1)],
                     dtype=str).reshape(a.shape)
    name = {python: onnx for onnx, python in NARROW.items()}.get(a.dtype.name, "")
    if name:
        a = a.astype(np.float32)
    count += 1
    file = "out_%d.npy" % count
    np.save(os.path.join(folder, file), a)
    return {"kind": "tensor", "file": file, "dtype": name}

feeds = {name: load(v) for name, v in job["inputs"].items()}
if job["backend"] == "onnx":
    results = ReferenceEvaluator(onnx.load(job["model"])).run(job["outputs"], feeds)
else:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if job["plain"]:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if job["threads"]:
        options.intra_op_num_threads = job["threads"]
    session = onnxruntime.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
    results = session.run(job["outputs"], feeds)
json.dump([save(v) for v in results], open(os.path.join(folder, "answer.json"), "w"))
)py";

std::string text_of(const std::string& path, size_t most) {
  const auto bytes = apps::read_file(path, int64_t{1} << 30);
  const size_t start = bytes.size() > most ? bytes.size() - most : 0;
  return {bytes.begin() + static_cast<ptrdiff_t>(start), bytes.end()};
}

void write_text(const std::string& path, const std::string& text) {
  apps::write_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

// The exit code, or -1 where the program cannot be started. What it prints goes into `log`.
int run_program(std::vector<std::string> arguments, const std::string& log) {
  std::vector<char*> argv;
  for (std::string& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed || ::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class Exchange {
 public:
  explicit Exchange(const TemporaryFolder& folder) : folder_(folder) {}

  json put(const Datum& d) {
    json items = json::array();
    for (const Datum& item : d.items) items.push_back(put(item));
    if (d.kind == ONWARD_SEQUENCE) return {{"kind", "sequence"}, {"items", items}};
    if (d.kind == ONWARD_MAP)
      return {
          {"kind", "map"}, {"items", items}, {"keys", d.keys}, {"text_keys", d.key_type == ONWARD_STRING}};
    if (d.kind != ONWARD_TENSOR) return {{"kind", "nothing"}};
    const std::string file = "in_" + std::to_string(count_++) + ".npy";
    apps::write_file(folder_.path(file), format_npy(npy_from_tensor(d.tensor), file));
    return {{"kind", "tensor"}, {"file", file}, {"dtype", type_name(d.tensor.dtype())}};
  }

  Datum get(const json& j) const {
    const auto kind = j.at("kind").get<std::string>();
    if (kind == "nothing") return {};
    if (kind == "tensor")
      return Datum::of(tensor_from_npy(read_npy(folder_.path(j.at("file").get<std::string>()))));
    Datum out = Datum::sequence({});
    for (const json& item : j.at("items")) out.items.push_back(get(item));
    if (kind != "map") return out;
    out.kind = ONWARD_MAP;
    out.keys = j.at("keys").get<std::vector<std::string>>();
    out.key_type = j.at("text_keys").get<bool>() ? ONWARD_STRING : ONWARD_INT64;
    return out;
  }

 private:
  const TemporaryFolder& folder_;
  int count_ = 0;
};

class PythonValues : public Reference {
 public:
  explicit PythonValues(const ReferenceRequest& request)
      : request_(request), file_(load_file(request.model)), nodes_(nodes_of(file_->model)) {
    for (const auto& v : file_->model.graph->output) outputs_.emplace_back(ow::onnx::or_default(v.name));
  }

  const std::vector<NodeNames>& nodes() const override { return nodes_; }

  Values values(const Inputs& inputs, const std::vector<std::string>& names, bool plain) override {
    const TemporaryFolder folder;
    Exchange exchange(folder);
    json job = {{"backend", request_.with},
                {"outputs", names},
                {"plain", plain},
                {"threads", request_.session.threads},
                {"inputs", json::object()}};
    for (const auto& [name, value] : inputs) job["inputs"][name] = exchange.put(datum_of(value));
    job["model"] = model_for(names, folder);
    write_text(folder.path("job.json"), json_text(job));
    write_text(folder.path("run.py"), kScript);
    run_script(folder);
    const json answer = json::parse(text_of(folder.path("answer.json"), size_t{1} << 30));
    Values out;
    for (size_t i = 0; i < names.size(); ++i) out[names[i]] = exchange.get(answer.at(i));
    return out;
  }

 private:
  // The model itself where its own outputs are all that is asked for.
  std::string model_for(const std::vector<std::string>& names, const TemporaryFolder& folder) const {
    if (names == outputs_) return std::filesystem::absolute(request_.model).string();
    const std::string path = folder.path("model.onnx");
    const ow::Status status = ow::onnx::save(with_outputs(*file_, names), &file_->external_files(), path);
    if (!status.ok()) throw apps::FileError(std::string(status.message()));
    return path;
  }

  void run_script(const TemporaryFolder& folder) {
    std::vector<std::string> tried = {request_.python};
    if (request_.python.empty()) tried = {"python3", "python"};
    int code = -1;
    for (const std::string& python : tried) {
      code = run_program({python, folder.path("run.py"), folder.path("")}, folder.path("log.txt"));
      if (code != -1 && code != 127) break;
    }
    if (code == 0) return;
    if (code == -1 || code == 127)
      throw UsageError("--with " + request_.with + " needs Python: '" + tried[0] +
                       "' cannot be started; name one with --python");
    std::string log = text_of(folder.path("log.txt"), 2000);
    while (!log.empty() && log.back() == '\n') log.pop_back();
    if (code == kNoPackage)
      throw UsageError("--with " + request_.with + ": " + tried[0] + " says: " + log +
                       "; install it there (python -m pip install " + request_.with +
                       "), or name another Python with --python");
    throw std::runtime_error(request_.with + " failed (exit code " + std::to_string(code) + "):\n" + log);
  }

  ReferenceRequest request_;
  std::shared_ptr<ow::onnx::ModelFile> file_;
  std::vector<NodeNames> nodes_;
  std::vector<std::string> outputs_;
};

}  // namespace

std::unique_ptr<Reference> make_python_reference(const ReferenceRequest& request) {
  return std::make_unique<PythonValues>(request);
}

}  // namespace onward::tools
