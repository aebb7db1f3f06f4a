// EXIF orientation: which of the eight ways a camera held the picture.
//
//   TIFF block: byte order "II" or "MM", 42 (16 bit), offset of IFD0 (32 bit)
//   IFD:        count (16 bit), then 12 bytes an entry: tag, type, count, value; tag 0x0112 (SHORT, 1) is
//   Orientation
//
// Orientation 1 is upright; 2 mirrored, 3 turned by 180 degrees, 4 flipped, 5 transposed, 6 to be turned by
// 90 degrees clockwise, 7 transversed, 8 to be turned by 90 degrees counter-clockwise.
#pragma once
#include <cstdint>
#include <span>

#include "apps/image/image.h"

namespace onward::apps {

// `app1`: the payload of a JPEG's APP1 segment. 1 where it holds no readable orientation.
int exif_orientation(std::span<const uint8_t> app1);

// The same from a bare TIFF block, as PNG's eXIf chunk holds it.
int tiff_orientation(std::span<const uint8_t> tiff);

// The picture upright. `orientation` outside 2..8 returns it as it is.
Image apply_orientation(Image image, int orientation);

}  // namespace onward::apps
