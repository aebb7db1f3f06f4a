// onward as one of the engines that ./dev bench models compares: a process of its own, driven line by line.
//   onward_worker MODEL THREADS INPUTS
// INPUTS is a folder; its file tensors.txt has a line "<type> <sizes, by commas> <name>" for each input,
// whose bytes are in <line number, from 0>.bin. Types are ONNX's numbers; no sizes is "-". It says "ready",
// and answers each line of stdin with "ok ..." or "error TEXT":
//   load         milliseconds from the file to a session
//   run N MS     milliseconds of each of N runs, after untimed ones: at least one, and so many that they take
//   MS save FOLDER  writes the outputs of the last run, as INPUTS is memory       peak of resident memory
//   above what it was before `load`, in KiB
// Inputs and outputs stay bound to the same memory. bench/peer_worker.py speaks the same for the other
// engines.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <onward/onward.hpp>
#include <sstream>

#include "apps/image/image_decoder.h"

namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// A peak since the last reset, where the system lets it be reset.
int64_t peak_kib() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmHWM:")) return std::atoll(line.c_str() + 6);
  return 0;
}
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

onward::NamedValues read_tensors(const std::string& folder) {
  onward::NamedValues out;
  std::ifstream list(folder + "/tensors.txt");
  if (!list) throw std::runtime_error(folder + "/tensors.txt cannot be read");
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    int type = 0;
    std::string sizes, name, size;
    words >> type >> sizes >> std::ws;
    std::getline(words, name);
    std::vector<int64_t> shape;
    for (std::istringstream parts(sizes == "-" ? "" : sizes); std::getline(parts, size, ',');)
      shape.push_back(std::atoll(size.c_str()));
    const onward::Value value = onward::Value::made([&](onward_value** v) {
      return onward::api().tensor_create(static_cast<onward_dtype>(type), shape.data(), shape.size(), v);
    });
    std::ifstream data(folder + "/" + std::to_string(out.size()) + ".bin", std::ios::binary);
    if (!data.read(static_cast<char*>(value.raw()), static_cast<std::streamsize>(value.bytes())) ||
        data.peek() != EOF)
      throw std::runtime_error("the file of input '" + name + "' has not its size");
    out.emplace_back(name, value);
  }
  return out;
}

void write_tensors(const std::string& folder, const onward::NamedValues& values) {
  std::ofstream list(folder + "/tensors.txt");
  int index = 0;
  for (const auto& [name, value] : values) {
    if (value.kind() != ONWARD_TENSOR) throw std::runtime_error("output '" + name + "' is no tensor");
    list << value.dtype() << ' ';
    for (size_t i = 0; i < value.shape().size(); ++i) list << (i ? "," : "") << value.shape()[i];
    list << (value.shape().empty() ? "- " : " ") << name << '\n';
    std::ofstream data(folder + "/" + std::to_string(index++) + ".bin", std::ios::binary);
    data.write(static_cast<const char*>(value.raw()), static_cast<std::streamsize>(value.bytes()));
    if (!data.flush()) throw std::runtime_error(folder + " cannot be written");
  }
  if (!list.flush()) throw std::runtime_error(folder + " cannot be written");
}

class Engine {
 public:
  Engine(std::string model, int threads, const std::string& inputs)
      : model_(std::move(model)), threads_(threads), inputs_(read_tensors(inputs)) {}

  // What follows "ok".
  std::string answer(const std::string& line) {
    std::istringstream words(line);
    std::string command, folder;
    words >> command;
    std::ostringstream out;
    if (command == "load") {
      out << load();
    } else if (command == "run") {
      int count = 0;
      double warm_ms = 0;
      words >> count >> warm_ms;
      for (double ms : run(count, warm_ms)) out << ms << ' ';
    } else if (command == "save") {
      std::getline(words >> std::ws, folder);
      write_tensors(folder, outputs_);
    } else if (command == "memory") {
      out << peak_kib() - base_kib_;
    } else {
      throw std::runtime_error("no command '" + command + "'");
    }
    return out.str();
  }

 private:
  double load() {
    reset_peak();
    base_kib_ = peak_kib();
    onward::SessionOptions options;
    options.threads = threads_;
    const auto start = Clock::now();
    onward::Session session(model_, options);
    const double ms = ms_since(start);
    context_ = std::make_unique<onward::Context>(session);
    for (const auto& [name, value] : inputs_) context_->bind_input(name, value);
    return ms;
  }

  std::vector<double> run(int count, double warm_ms) {
    if (!context_) throw std::runtime_error("no model is loaded");
    std::vector<double> times;
    const auto once = [&] {
      outputs_ = context_->run();
      if (bound_) return;
      // From the second run on the outputs are written where the first one put them.
      for (const auto& [name, value] : outputs_) context_->bind_output(name, value);
      bound_ = true;
    };
    for (const auto start = Clock::now(); warm_ms > 0;) {
      once();
      if (ms_since(start) >= warm_ms) break;
    }
    for (int i = 0; i < count; ++i) {
      const auto start = Clock::now();
      once();
      times.push_back(ms_since(start));
    }
    return times;
  }

  std::string model_;
  int threads_;
  onward::NamedValues inputs_, outputs_;
  std::unique_ptr<onward::Context> context_;
  int64_t base_kib_ = 0;
  bool bound_ = false;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::runtime_error("usage: onward_worker MODEL THREADS INPUTS");
  onward::apps::use_image_decoder();
  Engine engine(argv[1], std::atoi(argv[2]), argv[3]);
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    try {
      const std::string text = engine.answer(line);
      std::cout << "ok " << text << std::endl;
    } catch (const std::exception& e) {
      std::string text = e.what();
      for (char& c : text) c = c == '\n' ? ' ' : c;
      std::cout << "error " << text << std::endl;
    }
  }
  return 0;
} catch (const std::exception& e) {
  std::cout << "error " << e.what() << std::endl;
  return 1;
}
