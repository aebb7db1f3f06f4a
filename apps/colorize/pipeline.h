// DDColor's work around its network, which sees one small grey picture and answers with two colour planes:
//
//   picture --bilinear, stretched to w x h--> Lab --a = b = 0--> RGB 0..1, (3, h, w) --network--> ab (2, h',
//   w') picture --> L at full size;  ab resized to full size;  Lab --> RGB, rounded to 8 bits
//
// The network normalises with ImageNet's statistics itself; an export that lacks that step is fed through
// Normalization::kImagenet. Nothing here needs a model.
#pragma once
#include <string>

#include "apps/image/image.h"

namespace onward::apps {

enum class Preset { kAuto, kPortrait, kBuilding };
enum class Upsample { kLinear, kNearest };
enum class Normalization { kNone, kImagenet };

// Sides that a network of this structure takes: multiples of kSizeStep.
inline constexpr int kSizeStep = 32, kMinSize = 32, kMaxSize = 4096;

// Side of the square that the network sees. Portrait 512, building 960; auto is half of the picture's longer
// side, down to a multiple of 32, and within 256..512.
int network_size(const Image& picture, Preset preset);

// (3, height, width).
Planes network_input(const Image& picture, int width, int height, Normalization normalization);

// `picture` with the colours `ab` (2 planes of any size, Lab units): its own lightness at every pixel. Alpha
// is kept. `threads` 0: all.
Image with_colours(const Image& picture, const Planes& ab, Upsample upsample, int threads);

}  // namespace onward::apps
