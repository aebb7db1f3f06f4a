#include "tools/tensor_file.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "apps/file.h"
#include "apps/image/image.h"
#include "apps/image/read.h"
#include "apps/image/resize.h"
#include "onnx/external_data.h"
#include "onnx/tensor_data.h"
#include "onnx/wire.h"
#include "tensor/convert.h"

namespace onward::tools {
namespace {

using apps::FileError;

Value strings_tensor(const std::vector<int64_t>& shape, const std::vector<std::string>& texts) {
  return Tensor::strings(shape, texts);
}

// Where the picture's axes are in an input of rank 4.
struct PictureAxes {
  int channels = 0, height = 0, width = 0;
  int count = 3;  // channels
};

PictureAxes picture_axes(const ValueInfo& input, const std::string& path) {
  const auto is_count = [](int64_t n) { return n == 1 || n == 3; };
  if (input.has_rank && input.shape.size() == 4 && (input.shape[0] == 1 || input.shape[0] < 0)) {
    if (is_count(input.shape[1])) return {1, 2, 3, static_cast<int>(input.shape[1])};
    if (is_count(input.shape[3])) return {3, 1, 2, static_cast<int>(input.shape[3])};
  }
  throw FileError(path +
                  ": a picture fits an input [1,C,H,W] or [1,H,W,C] with 1 or 3 channels, or uint8[n]; '" +
                  input.name + "' is " + input.type);
}

float sample(const apps::Planes& planes, int channels, int c, size_t i) {
  if (channels == 3) return planes.plane(c)[i];
  return 0.299f * planes.plane(0)[i] + 0.587f * planes.plane(1)[i] + 0.114f * planes.plane(2)[i];
}

}  // namespace

Value read_picture(const std::string& path, const ValueInfo& input) {
  if (input.dtype == ONWARD_UINT8 && input.has_rank && input.shape.size() == 1) {
    const std::vector<uint8_t> bytes = apps::read_file(path, apps::kMaxFileBytes);
    return Tensor::from<uint8_t>({static_cast<int64_t>(bytes.size())}, bytes);
  }
  const PictureAxes axes = picture_axes(input, path);
  if (input.dtype != ONWARD_FLOAT32 && input.dtype != ONWARD_UINT8)
    throw FileError(path + ": a picture fits a float or uint8 input; '" + input.name + "' is " + input.type);
  const apps::Image picture = apps::read_image(path);
  const auto side = [&](int axis, int own) {
    const int64_t fixed = input.shape[axis];
    if (fixed == 0 || fixed > (1 << 15)) throw FileError(path + ": no picture can be " + input.type);
    return fixed < 0 ? own : static_cast<int>(fixed);
  };
  const int width = side(axes.width, picture.width), height = side(axes.height, picture.height);
  const apps::Planes planes = apps::resize_to_planes(picture, width, height, apps::Resample::kLinear);
  std::vector<int64_t> shape(4, 1);
  shape[axes.channels] = axes.count;
  shape[axes.height] = height;
  shape[axes.width] = width;
  Tensor tensor(input.dtype, shape);
  const size_t pixels = static_cast<size_t>(width) * height;
  for (int c = 0; c < axes.count; ++c) {
    for (size_t i = 0; i < pixels; ++i) {
      const size_t to = axes.channels == 1 ? c * pixels + i : i * axes.count + c;
      const float value = sample(planes, axes.count, c, i);
      if (input.dtype == ONWARD_FLOAT32)
        static_cast<float*>(tensor.raw())[to] = value;
      else
        static_cast<uint8_t*>(tensor.raw())[to] = static_cast<uint8_t>(std::lround(value * 255.0f));
    }
  }
  return tensor;
}

Value tensor_from_npy(const NpyArray& array) {
  if (array.dtype == ONWARD_STRING) return strings_tensor(array.shape, array.strings);
  Tensor tensor(array.dtype, array.shape);
  if (!array.bytes.empty()) std::memcpy(tensor.raw(), array.bytes.data(), array.bytes.size());
  return tensor;
}

Value tensor_from_proto(const ow::onnx::Tensor& proto, const std::string& path) {
  auto data = ow::onnx::tensor_data(proto, nullptr);
  if (!data.ok()) throw FileError(path + ": " + std::string(data.status().message()));
  if (data->data_type == ow::onnx::Tensor::STRING)
    return strings_tensor(data->dims, {data->strings.begin(), data->strings.end()});
  Tensor tensor(static_cast<onward_dtype>(data->data_type), data->dims);
  const std::string_view payload = data->bytes();
  if (payload.size() != tensor.bytes())
    throw FileError(path + ": " + std::to_string(payload.size()) + " bytes of data; expected " +
                    std::to_string(tensor.bytes()));
  if (!payload.empty()) std::memcpy(tensor.raw(), payload.data(), payload.size());
  return tensor;
}

NpyArray npy_from_tensor(const Value& value) {
  NpyArray array;
  array.dtype = value.dtype();
  array.shape.assign(value.shape().begin(), value.shape().end());
  const size_t count = value.count();
  if (array.dtype == ONWARD_STRING) {
    for (size_t i = 0; i < count; ++i) array.strings.push_back(value.string(i));
    return array;
  }
  const auto type = static_cast<ow::DType>(array.dtype);
  const auto* from = static_cast<const std::byte*>(value.raw());
  if (ow::is_sub_byte(type)) {
    array.bytes.resize(count);
    ow::unpack(from, type, static_cast<int64_t>(count), reinterpret_cast<uint8_t*>(array.bytes.data()));
    array.dtype = ow::is_signed_integer(type) ? ONWARD_INT8 : ONWARD_UINT8;
  } else {
    array.bytes.assign(from, from + value.bytes());
  }
  const bool narrow = ow::is_floating(type) && ow::bit_width(type) <= 16 && type != ow::DType::kFloat16;
  if (!narrow) return array;
  const size_t width = ow::bit_width(type) == 16 ? 2 : 1;
  std::vector<std::byte> wide(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, &array.bytes[i * width], width);
    const float v = ow::decode_narrow(bits, type);
    std::memcpy(&wide[i * sizeof v], &v, sizeof v);
  }
  array.bytes = std::move(wide);
  array.dtype = ONWARD_FLOAT32;
  return array;
}

}  // namespace onward::tools
