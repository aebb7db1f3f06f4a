// Declares one function table per Isa and picks among them.
//
// ONWARD_ISA_TABLES(MathTable, math) declares math_portable(), math_avx2(), math_avx512(), which the three
// compilations of math_isa.inc define, and math_table(isa).
#pragma once
#include "kernels/cpu.h"

#if defined(__x86_64__)
#define ONWARD_ISA_TABLES(Table, name)                                                                    \
  const Table& name##_portable();                                                                         \
  const Table& name##_avx2();                                                                             \
  const Table& name##_avx512();                                                                           \
  inline const Table& name##_table(Isa isa) {                                                             \
    return isa == Isa::kAvx512 ? name##_avx512() : isa == Isa::kAvx2 ? name##_avx2() : name##_portable(); \
  }
#else
#define ONWARD_ISA_TABLES(Table, name) \
  const Table& name##_portable();      \
  inline const Table& name##_table(Isa) { return name##_portable(); }
#endif
