#pragma GCC diagnostic ignored "-Wconversion"
#include <cstdio>
#include <cstring>
#include <string>
#include "numerics/sweep.h"
using namespace ow::numerics;
int main(int argc, char** argv) {
  bool all = false;
  std::string only;
  std::vector<std::string> isas;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--all"))
      all = true;
    else if (!std::strcmp(argv[i], "--isa"))
      isas.push_back(argv[++i]);
    else
      only = argv[i];
  }
  for (const auto& f : sweep(all, isas, only))
    for (const auto& [isa, e] : f.by_isa)
      std::printf(
          "%-28s %-9s limit %g%s max %10.3f at %.9g (%a -> %.9g) >.5 %5.2f%% >1 %6.3f%% >2 %6.3f%% mean %.3f "
          "%s\n",
          f.name.c_str(), isa.c_str(), f.limit, f.limit ? "" : "(exact)", e.worst, e.at, e.at, e.got,
          100. * e.above_half / e.count, 100. * e.above_one / e.count, 100. * e.above_two / e.count,
          e.sum / e.count, (f.limit == 0 ? e.inexact > 0 : e.worst > f.limit) ? "MISS" : "");
}
