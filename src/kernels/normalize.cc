#include "kernels/normalize.h"

#include <cmath>

#include "kernels/normalize_table.h"

namespace ow::kernels {

RowStatistics normalize_row(const NormalizeRow& row) {
  const NormalizeTable& table = normalize_table(best_isa());
  const double n = static_cast<double>(row.n);
  const float shift = row.centred ? static_cast<float>(table.sums(row.x, row.n, 0).sum / n) : 0.0f;
  const RowSums sums = table.sums(row.x, row.n, shift);
  const double rest = row.centred ? sums.sum / n : 0;
  const double inverse = 1 / std::sqrt(sums.squares / n - rest * rest + row.epsilon);
  table.apply(row, shift, static_cast<float>(rest), static_cast<float>(inverse));
  return {static_cast<double>(shift) + rest, inverse};
}

}  // namespace ow::kernels
