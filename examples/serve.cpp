// serve: several threads answer requests with one session; each request has a deadline, and all can be
// cancelled.
//
//   c++ -std=c++20 -pthread serve.cpp -lonward -o serve && ./serve model.onnx 4 100 50 [STOP_AFTER_MS]
//
// 4 threads answer 100 requests; one that takes more than 50 ms is given up, and its thread goes on with the
// next. After STOP_AFTER_MS what still runs is cancelled, as a server does that shuts down. A request is all
// inputs of the model filled with zeros, open dimensions being 1.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <onward/onward.hpp>
#include <thread>

onward::Inputs request_for(const onward::Session& session) {
  onward::Inputs request;
  for (const onward::ValueInfo& input : session.inputs()) {
    if (input.is_optional) continue;  // the model has a default for it
    if (input.kind != ONWARD_TENSOR || !input.has_rank)
      throw std::runtime_error("input " + input.name + " is " + input.type +
                               ", this example feeds tensors only");
    std::vector<int64_t> shape = input.shape;
    for (int64_t& extent : shape)
      if (extent < 0) extent = 1;
    onward::Tensor tensor(input.dtype, shape);
    if (tensor.bytes()) std::memset(tensor.raw(), 0, tensor.bytes());
    request.emplace_back(input.name, tensor);
  }
  return request;
}

struct Counts {
  std::atomic<int> taken{0}, done{0}, late{0}, cancelled{0}, failed{0};
};

// One thread of the pool: takes requests until there are none.
void work(const onward::Session& session, const onward::Inputs& request, const onward::RunOptions& options,
          int requests, Counts& counts) {
  while (counts.taken++ < requests) try {
      session.run(request, {}, options);
      ++counts.done;
    } catch (const onward::Error& error) {
      if (error.code() == ONWARD_DEADLINE_EXCEEDED) {
        ++counts.late;
      } else if (error.code() == ONWARD_CANCELLED) {
        ++counts.cancelled;
      } else {
        ++counts.failed;
        std::fprintf(stderr, "serve: %s\n", error.what());
      }
    }
}

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: serve MODEL.onnx THREADS REQUESTS DEADLINE_MS [STOP_AFTER_MS]\n");
    return 2;
  }
  try {
    // One thread a run: with several requests at once that gives the most answers a second.
    onward::SessionOptions options;
    options.threads = 1;
    const onward::Session session(std::string(argv[1]), options);
    const onward::Inputs request = request_for(session);
    onward::CancelToken cancel;
    onward::RunOptions run;
    run.timeout = std::chrono::milliseconds(std::atoi(argv[4]));
    run.cancel = &cancel;
    Counts counts;
    std::vector<std::thread> pool;
    for (int i = 0; i < std::atoi(argv[2]); ++i)
      pool.emplace_back([&] { work(session, request, run, std::atoi(argv[3]), counts); });
    if (argc > 5) {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(argv[5])));
      cancel.trigger();
    }
    for (std::thread& thread : pool) thread.join();
    std::printf("%d done, %d late, %d cancelled\n", counts.done.load(), counts.late.load(),
                counts.cancelled.load());
    return counts.failed ? 1 : 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "serve: %s\n", e.what());
    return 1;
  }
}
