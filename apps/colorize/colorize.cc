#include "apps/colorize/colorize.h"

#include <chrono>

namespace onward::apps {
namespace {

Normalization normalization_of(const Model& model, const std::string& path) {
  const auto metadata = model.metadata();
  const auto found = metadata.find("normalization");
  if (found == metadata.end() || found->second == "none") return Normalization::kNone;
  if (found->second == "imagenet") return Normalization::kImagenet;
  throw Error(ONWARD_INVALID_MODEL,
              path + ": the metadata 'normalization' is '" + found->second +
                  "'; expected 'none' or 'imagenet', or give the normalization yourself");
}

void check_size(const ColorizeOptions& options, const ColorizerInterface& model, const std::string& path) {
  const int size = options.size;
  if (size == 0) return;
  if (size < kMinSize || size > kMaxSize || size % kSizeStep != 0)
    throw Error(ONWARD_INVALID_ARGUMENT,
                "size " + std::to_string(size) + ": expected a multiple of 32 in 32..4096");
  if ((model.width != 0 && model.width != size) || (model.height != 0 && model.height != size))
    throw Error(ONWARD_INVALID_ARGUMENT, "size " + std::to_string(size) + ": " + path + " is made for " +
                                             std::to_string(model.width) + " x " +
                                             std::to_string(model.height) + " pixels; leave the size out");
}

SessionOptions session_options(const ColorizeOptions& options) {
  SessionOptions o;
  o.threads = options.threads;
  return o;
}

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// The network's answer as planes; checked here because a model may leave the shape of its output open.
Planes to_planes(const Value& value, const std::string& name) {
  const auto data = value.data<const float>();
  const auto shape = value.shape();
  const bool fits = shape.size() == 4 && shape[0] == 1 && shape[1] == 2 && shape[2] >= 1 &&
                    shape[2] <= 4 * kMaxSize && shape[3] >= 1 && shape[3] <= 4 * kMaxSize;
  if (!fits) {
    std::string text;
    for (int64_t d : shape) text += (text.empty() ? "" : ",") + std::to_string(d);
    throw Error(ONWARD_INVALID_MODEL,
                "the network's output '" + name + "' is [" + text + "]; expected [1,2,H,W]");
  }
  Planes planes(static_cast<int>(shape[3]), static_cast<int>(shape[2]), 2);
  std::copy(data.begin(), data.end(), planes.values.begin());
  return planes;
}

}  // namespace

Colorizer::Colorizer(const std::string& model_path, const ColorizeOptions& options)
    : options_(options),
      model_(model_path),
      interface_(colorizer_interface(model_.inputs(), model_.outputs(), model_path)),
      normalization_(options.normalization ? *options.normalization : normalization_of(model_, model_path)),
      session_((check_size(options, interface_, model_path), model_), session_options(options)) {}

std::pair<int, int> Colorizer::network_sides(const Image& picture) const {
  const int size = options_.size != 0 ? options_.size : network_size(picture, options_.preset);
  return {interface_.width != 0 ? interface_.width : size, interface_.height != 0 ? interface_.height : size};
}

Image Colorizer::run(const Image& picture, ColorizeTimes* times) const {
  ColorizeTimes taken;
  auto start = std::chrono::steady_clock::now();
  const auto [width, height] = network_sides(picture);
  Planes input = network_input(picture, width, height, normalization_);
  const int64_t shape[] = {1, 3, height, width};
  const Tensor tensor = Tensor::wrap(std::span<const int64_t>(shape), std::span(input.values));
  taken.preprocess_ms = ms_since(start);

  start = std::chrono::steady_clock::now();
  const std::vector<Value> outputs = session_.run({{interface_.input, tensor}}, {interface_.output});
  taken.network_ms = ms_since(start);

  start = std::chrono::steady_clock::now();
  Image out =
      with_colours(picture, to_planes(outputs[0], interface_.output), options_.upsample, options_.threads);
  taken.postprocess_ms = ms_since(start);
  if (times) *times = taken;
  return out;
}

}  // namespace onward::apps
