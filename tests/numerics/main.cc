// Checks results against float64 and prints what it found as tables (docs/numerics.md).
//
//   numerics [--all] [--long] [--isa NAME]... [--only FUNCTION]
//
// --all takes each of the 2^32 numbers for the functions of one element, and sums of 10^6 terms. Exits with 1
// where a bound is not met.
#include <cmath>
#include <cstdio>
#include <cstring>

#include "numerics/check.h"
#include "numerics/sweep.h"

namespace ow::numerics {
namespace {

struct Options {
  bool all = false, long_sums = false, functions_only = false;
  std::vector<std::string> isas;
  std::string only;
};

double share(int64_t part, int64_t of) { return 100.0 * static_cast<double>(part) / static_cast<double>(of); }

std::string limit_text(const FunctionErrors& f) {
  char text[64];
  std::snprintf(text, sizeof text, f.limit == 0 ? "exact" : std::isinf(f.limit) ? "none" : "%g", f.limit);
  return text;
}

int print_functions(const std::vector<FunctionErrors>& all) {
  int missed = 0;
  std::printf(
      "| function | limit | instructions | largest error | at | over 0.5 | over 1 | over 2 | mean |\n");
  std::printf("|---|---:|---|---:|---:|---:|---:|---:|---:|\n");
  for (const FunctionErrors& f : all) {
    for (const auto& [isa, e] : f.by_isa)
      std::printf("| %s | %s | %s | %.3f | %.9g | %.3f %% | %.3f %% | %.3f %% | %.3f |%s\n", f.name.c_str(),
                  limit_text(f).c_str(), isa.c_str(), e.worst, static_cast<double>(e.at),
                  share(e.above_half, e.count), share(e.above_one, e.count), share(e.above_two, e.count),
                  e.sum / static_cast<double>(e.count), f.is_met() ? "" : " <- missed");
    missed += !f.is_met();
  }
  return missed;
}

int print_checks(const char* title, const Checks& checks) {
  int missed = 0;
  std::printf("\n## %s\n\n| what | measured | bound | unit |\n|---|---:|---:|---|\n", title);
  for (const Check& c : checks) {
    std::printf("| %s | %.3g | %g%s | %s |%s\n", c.name.c_str(), c.measured, c.bound,
                c.is_declared && c.measured > c.bound ? " (not held)" : "", c.unit.c_str(),
                c.is_met() ? "" : " <- missed");
    missed += !c.is_met();
  }
  return missed;
}

int run(const Options& o) {
  std::printf("## Functions of one element\n\n");
  int missed = print_functions(sweep(o.all, o.isas, o.only));
  if (!o.functions_only) {
    missed += print_checks("float16, bfloat16, arithmetic and casts", check_types());
    missed += print_checks("Softmax and normalisations", check_rows(!o.long_sums));
    missed += print_checks("Sums", check_sums(!o.long_sums));
    missed += print_checks("The same bits", check_invariance());
    missed += print_checks("Special values", check_specials());
  }
  if (missed)
    std::fprintf(
        stderr,
        "numerics: %d bounds are not met; they are marked 'missed' above. Mend the kernel, not the bound.\n",
        missed);
  return missed ? 1 : 0;
}

}  // namespace
}  // namespace ow::numerics

int main(int argc, char** argv) {
  ow::numerics::Options o;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (!std::strcmp(argv[i], "--all")) {
      o.all = true;
    } else if (!std::strcmp(argv[i], "--long")) {
      o.long_sums = true;
    } else if (!std::strcmp(argv[i], "--isa") && has_value) {
      o.isas.push_back(argv[++i]);
    } else if (!std::strcmp(argv[i], "--only") && has_value) {
      o.only = argv[++i], o.functions_only = true;
    } else {
      std::fprintf(stderr,
                   "numerics: unknown argument '%s', expected --all, --long, --isa NAME or --only FUNCTION\n",
                   argv[i]);
      return 2;
    }
  }
  return ow::numerics::run(o);
}
