#include "tools/reference.h"

#include <algorithm>
#include <filesystem>

#include "apps/file.h"
#include "tools/command.h"
#include "tools/outputs.h"
#include "tools/value_file.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;

class Folder : public Reference {
 public:
  Folder(std::string folder, const std::string& model)
      : folder_(std::move(folder)), ports_(Model(model).outputs()) {
    for (const ValueInfo& v : Model(model).inputs()) inputs_.push_back(v);
    if (find_all().empty())
      throw UsageError(folder_ + ": no file of an output; expected " + safe_name(first_output()) +
                       ".npy or .pb, or output_0.pb");
  }

  Values values(const Inputs&, const std::vector<std::string>& names, bool) override {
    Values out;
    for (const std::string& name : names) {
      const auto path = find(name);
      if (!path.empty()) out[name] = read_value(path, port(name));
    }
    return out;
  }
  const std::vector<NodeNames>& nodes() const override { return nodes_; }
  std::vector<std::string> inputs() const override {
    std::vector<std::string> flags;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const std::string path = in_folder("input_" + std::to_string(i) + ".pb");
      if (fs::exists(path)) flags.push_back(inputs_[i].name + "=" + path);
    }
    return flags;
  }

 private:
  std::string in_folder(const std::string& name) const { return (fs::path(folder_) / name).string(); }
  std::string first_output() const { return ports_.empty() ? "NAME" : ports_[0].name; }
  ValueInfo port(const std::string& name) const {
    for (const ValueInfo& v : ports_)
      if (v.name == name) return v;
    return {.name = name, .type = "?"};
  }
  std::string find(const std::string& name) const {
    const std::string stem = safe_name(name);
    for (const char* ending : {".npy", ".pb", ".json"})
      if (const std::string path = in_folder(stem + ending); fs::exists(path)) return path;
    if (fs::exists(in_folder(stem + "_0.npy"))) return in_folder(stem + "_*.npy");
    for (size_t i = 0; i < ports_.size(); ++i)
      if (const std::string path = in_folder("output_" + std::to_string(i) + ".pb");
          ports_[i].name == name && fs::exists(path))
        return path;
    return "";
  }
  std::vector<std::string> find_all() const {
    std::vector<std::string> found;
    for (const ValueInfo& v : ports_)
      if (const std::string path = find(v.name); !path.empty()) found.push_back(path);
    return found;
  }

  std::string folder_;
  std::vector<ValueInfo> ports_, inputs_;
  std::vector<NodeNames> nodes_;
};

std::vector<std::string> names_of(const std::vector<ValueInfo>& list) {
  std::vector<std::string> names;
  for (const ValueInfo& v : list) names.push_back(v.name);
  return names;
}

}  // namespace

ModelValues::ModelValues(std::string path, SessionOptions options)
    : path_(std::move(path)),
      options_(std::move(options)),
      file_(load_file(path_)),
      nodes_(nodes_of(file_->model)),
      model_(path_),
      session_(model_, options_),
      outputs_(names_of(model_.outputs())) {}

std::string ModelValues::output_name(const std::vector<std::string>& outputs, size_t i) const {
  const bool same = std::count(outputs_.begin(), outputs_.end(), outputs[i]) > 0;
  return same || outputs.size() != outputs_.size() ? outputs[i] : outputs_[i];
}

Values ModelValues::values(const Inputs& inputs, const std::vector<std::string>& names, bool plain) {
  const std::vector<std::string> own = names_of(model_.inputs());
  Inputs fed;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool same = std::count(own.begin(), own.end(), inputs[i].first) > 0;
    if (!same && inputs.size() != own.size())
      throw UsageError(path_ + ": has no input '" + inputs[i].first + "'");
    fed.emplace_back(same ? inputs[i].first : own[i], inputs[i].second);
  }
  std::vector<std::string> wanted;
  for (const std::string& name : names) {
    bool known = std::count(outputs_.begin(), outputs_.end(), name) > 0;
    for (const NodeNames& n : nodes_) known |= std::count(n.outputs.begin(), n.outputs.end(), name) > 0;
    if (known) wanted.push_back(name);
  }
  Values out;
  if (wanted.empty()) return out;
  std::vector<Value> results;
  if (plain) {
    SessionOptions options = options_;
    options.optimization = ONWARD_OPTIMIZE_OFF;
    results = Session(model_with_outputs(*file_, wanted), options).run(fed);
  } else {
    results = session_.run(fed, wanted);
  }
  for (size_t i = 0; i < wanted.size(); ++i) out[wanted[i]] = datum_of(results[i]);
  return out;
}

std::unique_ptr<Reference> make_reference(const ReferenceRequest& request) {
  if (request.with == "onnxruntime" || request.with == "onnx") return make_python_reference(request);
  if (fs::is_directory(request.with)) return std::make_unique<Folder>(request.with, request.model);
  if (fs::is_regular_file(request.with)) return std::make_unique<ModelValues>(request.with, request.session);
  throw UsageError("--with " + request.with +
                   ": no folder and no model of that name; expected one, or onnxruntime, or onnx");
}

}  // namespace onward::tools
