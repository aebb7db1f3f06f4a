#include "apps/image/write.h"

#include <png.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "apps/file.h"
#include "apps/image/jpeg.h"

namespace onward::apps {
namespace {

constexpr int kJpegQuality = 95;
constexpr int kMaxJpegSide = 65500;

std::string ending(const std::string& path) {
  const size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] == '/') return "";
  std::string text = path.substr(dot);
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

bool is_jpeg_name(const std::string& path) { return ending(path) == ".jpg" || ending(path) == ".jpeg"; }

std::vector<uint8_t> with_alpha(const Image& image) {
  std::vector<uint8_t> out;
  out.reserve(image.pixels.size() + image.alpha.size());
  for (size_t i = 0; i < image.alpha.size(); ++i) {
    for (int c = 0; c < image.channels; ++c) out.push_back(image.pixels[i * image.channels + c]);
    out.push_back(image.alpha[i]);
  }
  return out;
}

std::vector<uint8_t> on_white(const Image& image) {
  std::vector<uint8_t> out(image.pixels);
  for (size_t i = 0; i < out.size(); ++i) {
    const int alpha = image.alpha[i / image.channels];
    out[i] = static_cast<uint8_t>((out[i] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  return out;
}

std::vector<uint8_t> encode_png(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format =
      (image.channels == 3 ? PNG_FORMAT_FLAG_COLOR : 0) | (image.alpha.empty() ? 0 : PNG_FORMAT_FLAG_ALPHA);
  const std::vector<uint8_t> mixed = image.alpha.empty() ? std::vector<uint8_t>() : with_alpha(image);
  std::vector<uint8_t> out(PNG_IMAGE_PNG_SIZE_MAX(png));
  png_alloc_size_t bytes = out.size();
  const bool written = png_image_write_to_memory(
      &png, out.data(), &bytes, 0, image.alpha.empty() ? image.pixels.data() : mixed.data(), 0, nullptr);
  if (!written) throw FileError(std::string("cannot be written as PNG: ") + png.message);
  out.resize(bytes);
  return out;
}

// All that an encode owns; outlives the jump.
struct Encode {
  jpeg_compress_struct cinfo{};
  JpegErrors errors;
  unsigned char* bytes = nullptr;
  unsigned long byte_count = 0;

  ~Encode() {
    jpeg_destroy_compress(&cinfo);
    std::free(bytes);
  }
};

// False with errors.message set; no object with a destructor lives in it.
bool compress(Encode& e, const Image& image, const uint8_t* pixels) {
  e.cinfo.err = e.errors.init(false);
  if (setjmp(e.errors.jump)) return false;
  jpeg_create_compress(&e.cinfo);
  jpeg_mem_dest(&e.cinfo, &e.bytes, &e.byte_count);
  e.cinfo.image_width = static_cast<JDIMENSION>(image.width);
  e.cinfo.image_height = static_cast<JDIMENSION>(image.height);
  e.cinfo.input_components = image.channels;
  e.cinfo.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&e.cinfo);
  jpeg_set_quality(&e.cinfo, kJpegQuality, TRUE);
  e.cinfo.comp_info[0].h_samp_factor = e.cinfo.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&e.cinfo, TRUE);
  while (e.cinfo.next_scanline < e.cinfo.image_height) {
    const size_t offset = static_cast<size_t>(e.cinfo.next_scanline) * image.width * image.channels;
    auto* row = const_cast<uint8_t*>(pixels + offset);
    jpeg_write_scanlines(&e.cinfo, &row, 1);
  }
  jpeg_finish_compress(&e.cinfo);
  return true;
}

std::vector<uint8_t> encode_jpeg(const Image& image) {
  if (image.width > kMaxJpegSide || image.height > kMaxJpegSide)
    throw FileError("a JPEG has at most 65500 pixels a side; write a .png instead");
  const std::vector<uint8_t> laid = image.alpha.empty() ? std::vector<uint8_t>() : on_white(image);
  Encode e;
  if (!compress(e, image, image.alpha.empty() ? image.pixels.data() : laid.data()))
    throw FileError(std::string("cannot be written as JPEG: ") + e.errors.message);
  return {e.bytes, e.bytes + e.byte_count};
}

}  // namespace

bool can_write_image(const std::string& path) { return ending(path) == ".png" || is_jpeg_name(path); }

std::vector<uint8_t> encode_image(const std::string& path, const Image& image) {
  if (!can_write_image(path))
    throw FileError(path + ": the name ends in neither .png, .jpg nor .jpeg, so the format is not known");
  try {
    return is_jpeg_name(path) ? encode_jpeg(image) : encode_png(image);
  } catch (const FileError& e) {
    throw FileError(path + ": " + e.what());
  }
}

void write_image(const std::string& path, const Image& image) { write_file(path, encode_image(path, image)); }

}  // namespace onward::apps
