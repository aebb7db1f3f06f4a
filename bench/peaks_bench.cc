// What this processor can do at most, as JSON: multiply-adds of float32 and, where it has them, int8, float16
// and bfloat16 (10^9 operations a second), and reads of memory (10^9 bytes a second) from the second-level
// caches, from main memory, and of a buffer of a given size:
//   peaks_bench [--threads N] [--only fp32,int8,fp16,bf16,l2,dram,read] [--bytes B]
//
// Threads start together and work until the last one is done; the best of several tries counts, because on a
// shared machine every disturbance makes a try slower and none makes it faster.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "kernels/cpu.h"
#include "peak.h"
#include "peak_types.h"

namespace {

constexpr int kTries = 40;
constexpr double kTrySeconds = 0.002;  // shorter than a time slice, so that some try is not interrupted
constexpr double kMostSeconds = 1.5;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Units of work a second that `threads` threads do together: work(thread, rounds) returns its units.
double rate(int threads, int64_t rounds, const std::function<double(int, int64_t)>& work) {
  std::atomic<int> ready{0};
  std::vector<double> units(threads), start(threads), stop(threads);
  const auto body = [&](int thread) {
    work(thread, std::max<int64_t>(rounds / 8, 1));  // wakes the clock and the caches
    ready.fetch_add(1);
    while (ready.load() < threads) std::this_thread::yield();
    start[thread] = seconds();
    units[thread] = work(thread, rounds);
    stop[thread] = seconds();
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(body, t);
  body(0);
  for (std::thread& t : others) t.join();
  double total = 0;
  for (double u : units) total += u;
  return total /
         (*std::max_element(stop.begin(), stop.end()) - *std::min_element(start.begin(), start.end()));
}

double best_rate(int threads, const std::function<double(int, int64_t)>& work) {
  int64_t rounds = 1;
  for (double taken = 0; taken < kTrySeconds && rounds < (int64_t{1} << 40); rounds *= 2) {
    const double start = seconds();
    work(0, rounds);
    taken = seconds() - start;
  }
  double best = 0;
  const double stop = seconds() + kMostSeconds;
  for (int i = 0; i < kTries && (i < 3 || seconds() < stop); ++i)
    best = std::max(best, rate(threads, rounds, work));
  return best;
}

double chains_rate(int threads, ow::bench::Chains chains) {
  return best_rate(threads, [&](int, int64_t rounds) { return chains(rounds); });
}

// Of a buffer that the threads share in equal parts.
double read_rate(int threads, int64_t bytes) {
  const int64_t part = std::max<int64_t>(bytes / threads / 512, 1) * 512;
  std::vector<char*> parts;
  for (int t = 0; t < threads; ++t) {
    parts.push_back(
        static_cast<char*>(std::aligned_alloc(4096, static_cast<size_t>((part + 4095) / 4096 * 4096))));
    if (!parts.back()) return 0;
    std::memset(parts.back(), t + 1, static_cast<size_t>(part));
  }
  const ow::bench::Read read = ow::bench::best_read();
  const double best = best_rate(threads, [&](int thread, int64_t rounds) {
    for (int64_t r = 0; r < rounds; ++r) read(parts[thread], part);
    return static_cast<double>(part * rounds);
  });
  for (char* p : parts) std::free(p);
  return best;
}

int64_t cache_bytes(int name, int64_t otherwise) {
  const long found = ::sysconf(name);
  return found > 0 ? found : otherwise;
}

struct Options {
  int threads = 1;
  int64_t bytes = 0;
  std::string only = "fp32,int8,fp16,bf16,l2,dram";
};

bool parse(int argc, char** argv, Options& o) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return false;
    if (!std::strcmp(argv[i], "--threads")) {
      o.threads = std::atoi(argv[i + 1]);
    } else if (!std::strcmp(argv[i], "--bytes")) {
      o.bytes = std::atoll(argv[i + 1]);
    } else if (!std::strcmp(argv[i], "--only")) {
      o.only = argv[i + 1];
    } else {
      return false;
    }
  }
  return o.threads >= 1 && o.threads <= 1024 && o.bytes >= 0 && o.bytes <= (int64_t{1} << 33);
}

void print(const char* name, double rate) { std::printf(", \"%s\": %.2f", name, rate / 1e9); }

void measure(const Options& o) {
  const auto wanted = [&](const char* name) {
    return ("," + o.only + ",").find("," + std::string(name) + ",") != std::string::npos;
  };
  const auto isa = ow::kernels::best_isa();
  const int64_t l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20);
  const int64_t l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE, 32 << 20);
  std::printf("{\"threads\": %d, \"isa\": \"%s\", \"l2_bytes\": %lld, \"l3_bytes\": %lld", o.threads,
              isa_name(isa), static_cast<long long>(l2), static_cast<long long>(l3));
  if (wanted("fp32"))
    print("fp32_gflops", best_rate(o.threads, [&](int, int64_t n) { return ow::bench::run_fma(isa, n); }));
  const std::pair<const char*, ow::bench::Chains> types[] = {{"int8", ow::bench::int8_chains()},
                                                             {"fp16", ow::bench::fp16_chains()},
                                                             {"bf16", ow::bench::bf16_chains()}};
  for (const auto& [name, chains] : types)
    if (wanted(name) && chains) print((std::string(name) + "_gops").c_str(), chains_rate(o.threads, chains));
  if (wanted("l2")) print("l2_read_gbs", read_rate(o.threads, l2 / 2 * o.threads));
  // A quarter of it at most can be in the last cache.
  if (wanted("dram"))
    print("dram_read_gbs", read_rate(o.threads, std::clamp<int64_t>(4 * l3, 256 << 20, 1 << 30)));
  if (o.bytes) print("read_gbs", read_rate(o.threads, o.bytes));
  std::printf("}\n");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("peaks_bench [--threads N] [--only fp32,int8,fp16,bf16,l2,dram] [--bytes B]\n", stderr);
    return 2;
  }
  measure(options);
  return 0;
}
