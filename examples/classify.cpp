// classify: a picture through an image classifier, and its five best classes.
//
//   c++ -std=c++20 classify.cpp -lonward -o classify && ./classify resnet50.onnx cat.ppm
//
// The picture is a binary PPM (P6) of any size. It is resized to 224 x 224, or what the model asks for, and
// normalised with ImageNet's statistics, as torchvision's classifiers expect.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <onward/onward.hpp>

struct Picture {
  int width = 0, height = 0;
  std::vector<unsigned char> rgb;
};

Picture read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int largest = 0;
  Picture p;
  file >> magic >> p.width >> p.height >> largest;
  file.get();
  if (!file || magic != "P6" || largest != 255 || p.width < 1 || p.height < 1 || p.width > 20000 ||
      p.height > 20000)
    throw std::runtime_error(path + ": not a binary 8-bit PPM picture");
  p.rgb.resize(size_t{3} * p.width * p.height);
  if (!file.read(reinterpret_cast<char*>(p.rgb.data()), static_cast<std::streamsize>(p.rgb.size())))
    throw std::runtime_error(path + ": ends early");
  return p;
}

// [1,3,height,width]; each pixel is the nearest of the picture.
onward::Tensor to_tensor(const Picture& p, int64_t height, int64_t width) {
  constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kDeviation[] = {0.229f, 0.224f, 0.225f};
  auto tensor = onward::Tensor::zeros<float>({1, 3, height, width});
  auto values = tensor.data<float>();
  size_t i = 0;
  for (int c = 0; c < 3; ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const size_t from = static_cast<size_t>(y * p.height / height) * p.width + x * p.width / width;
        values[i++] = (p.rgb[3 * from + c] / 255.0f - kMean[c]) / kDeviation[c];
      }
  return tensor;
}

void print_best(std::span<const float> scores, size_t count) {
  const float largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (float s : scores) sum += std::exp(s - largest);
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  for (size_t k = 0; k < count; ++k)
    std::printf("class %zu  %.2f %%\n", order[k], 100 * std::exp(scores[order[k]] - largest) / sum);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: classify MODEL.onnx PICTURE.ppm\n");
    return 2;
  }
  try {
    const onward::Session session{std::string(argv[1])};
    const auto inputs = session.model().inputs();
    if (inputs.empty() || inputs[0].shape.size() != 4) throw std::runtime_error("the model takes no picture");
    const auto side = [&](size_t axis) { return inputs[0].shape[axis] > 0 ? inputs[0].shape[axis] : 224; };
    const auto outputs = session.run({{inputs[0].name, to_tensor(read_ppm(argv[2]), side(2), side(3))}});
    print_best(outputs.at(0).data<const float>(), 5);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "classify: %s\n", e.what());
    return 1;
  }
}
