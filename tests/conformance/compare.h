// Holds a value against the expected one, as the official runner does: same kind, element type and shape;
// floating and complex elements by numpy.testing.assert_allclose,
//   |found - expected| <= absolute + relative * |expected|,  NaN equal to NaN, infinities equal by sign;
// everything else exactly.
#pragma once
#include "base/status.h"
#include "tensor/value.h"

namespace ow {

struct Tolerance {
  double relative = 1e-3;
  double absolute = 1e-7;
};

// Ok, or what differs: the first element that is off, how many are, and by how much at most.
Status compare(const Value& found, const Value& expected, const Tolerance& tolerance);

}  // namespace ow
