// Colorizer: a DDColor export and the work around it (pipeline.h).
//
//   onward::apps::Colorizer colorizer("ddcolor.onnx", {});
//   write_image("out.png", colorizer.run(read_image("in.jpg")));
//
// Takes any export: names, fixed or dynamic sides, and a fixed or dynamic batch are read from the model.
#pragma once
#include <optional>
#include <string>
#include <utility>

#include "apps/colorize/interface.h"
#include "apps/colorize/pipeline.h"
#include "apps/image/image.h"
#include "onward/onward.hpp"

namespace onward::apps {

struct ColorizeOptions {
  int size = 0;  // side that the network sees, a multiple of 32 in 32..4096; 0: by the preset
  Preset preset = Preset::kAuto;
  Upsample upsample = Upsample::kLinear;
  // Absent: the model's metadata "normalization" ("none" or "imagenet") if it has that, else none.
  std::optional<Normalization> normalization;
  int threads = 0;  // 0: all
};

struct ColorizeTimes {
  double preprocess_ms = 0, network_ms = 0, postprocess_ms = 0;
};

class Colorizer {
 public:
  // Throws onward::Error: a model that cannot be loaded or is no colorizer, or options that do not fit it.
  Colorizer(const std::string& model_path, const ColorizeOptions& options);

  // RGB of the same size. May be called by several threads at once.
  Image run(const Image& picture, ColorizeTimes* times = nullptr) const;

  // Width and height that the network sees for this picture.
  std::pair<int, int> network_sides(const Image& picture) const;

 private:
  ColorizeOptions options_;
  Model model_;
  ColorizerInterface interface_;
  Normalization normalization_;
  Session session_;
};

}  // namespace onward::apps
