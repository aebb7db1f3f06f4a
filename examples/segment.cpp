// segment: which pixels belong to what, as a PNG.
//
//   c++ -std=c++20 segment.cpp -lonward -lpng -o segment && ./segment model.onnx street.png mask.png
//
// For models that take one picture [1,3,H,W] with values in 0..1 and return scores [1,classes,h,w]. Where the
// model leaves H and W open it gets the picture as it is; else the picture is resized (nearest pixel). Each
// pixel of the mask is the class with the best score, in grey: class 0 is black, the last one white.
#include <png.h>

#include <cstdio>
#include <onward/onward.hpp>

struct Picture {
  int width = 0, height = 0, channels = 0;
  std::vector<unsigned char> pixels;  // row by row
};

// libpng's simplified interface: fills in `image` and reports in it what went wrong.
[[noreturn]] void fail(const std::string& path, png_image& image) {
  const std::string why = path + ": " + image.message;
  png_image_free(&image);
  throw std::runtime_error(why);
}

Picture read_png(const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&image, path.c_str())) fail(path, image);
  image.format = PNG_FORMAT_RGB;
  Picture p{static_cast<int>(image.width), static_cast<int>(image.height), 3, {}};
  p.pixels.resize(PNG_IMAGE_SIZE(image));
  if (!png_image_finish_read(&image, nullptr, p.pixels.data(), 0, nullptr)) fail(path, image);
  return p;
}

void write_png(const std::string& path, const Picture& p) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(p.width);
  image.height = static_cast<png_uint_32>(p.height);
  image.format = PNG_FORMAT_GRAY;
  if (!png_image_write_to_file(&image, path.c_str(), 0, p.pixels.data(), 0, nullptr)) fail(path, image);
}

onward::Tensor to_tensor(const Picture& p, int64_t height, int64_t width) {
  auto tensor = onward::Tensor::zeros<float>({1, 3, height, width});
  auto values = tensor.data<float>();
  size_t i = 0;
  for (int c = 0; c < 3; ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        values[i++] = p.pixels[3 * (y * p.height / height * p.width + x * p.width / width) + c] / 255.0f;
  return tensor;
}

Picture best_classes(const onward::Value& scores) {
  const auto shape = scores.shape();
  if (shape.size() != 4 || shape[1] < 2)
    throw std::runtime_error("the model does not return scores by class");
  const int64_t classes = shape[1], area = shape[2] * shape[3];
  const auto s = scores.data<const float>();
  Picture mask{static_cast<int>(shape[3]), static_cast<int>(shape[2]), 1, std::vector<unsigned char>(area)};
  for (int64_t pixel = 0; pixel < area; ++pixel) {
    int64_t best = 0;
    for (int64_t c = 1; c < classes; ++c)
      if (s[c * area + pixel] > s[best * area + pixel]) best = c;
    mask.pixels[pixel] = static_cast<unsigned char>(best * 255 / (classes - 1));
  }
  return mask;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: segment MODEL.onnx PICTURE.png MASK.png\n");
    return 2;
  }
  try {
    const onward::Session session{std::string(argv[1])};
    const auto inputs = session.inputs();
    if (inputs.empty() || inputs[0].shape.size() != 4) throw std::runtime_error("the model takes no picture");
    const Picture picture = read_png(argv[2]);
    const int64_t height = inputs[0].shape[2] > 0 ? inputs[0].shape[2] : picture.height;
    const int64_t width = inputs[0].shape[3] > 0 ? inputs[0].shape[3] : picture.width;
    const auto outputs = session.run({{inputs[0].name, to_tensor(picture, height, width)}});
    write_png(argv[3], best_classes(outputs.at(0)));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "segment: %s\n", e.what());
    return 1;
  }
}
