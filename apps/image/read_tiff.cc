// TIFF with libtiff, row by row or tile by tile: grey, palette, RGB and CMYK of 1 to 16 bits, and YCbCr.
//
// The library's own conversion to RGBA is used for YCbCr alone, because it multiplies colours by alpha and
// rounds 16 bits in another way. Compressions are a list of what pictures are written with; the older and
// rarer codecs are not reached. Only the first picture (directory) is looked at.

#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "apps/image/colour.h"
#include "apps/image/exif.h"
#include "apps/image/read.h"

namespace onward::apps {
namespace {

constexpr uint16_t kCompressions[] = {COMPRESSION_NONE,          COMPRESSION_CCITTRLE, COMPRESSION_CCITTFAX3,
                                      COMPRESSION_CCITTFAX4,     COMPRESSION_LZW,      COMPRESSION_JPEG,
                                      COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,  COMPRESSION_PACKBITS,
                                      COMPRESSION_ZSTD,          COMPRESSION_LZMA,     COMPRESSION_WEBP};
constexpr int64_t kMaxBlockBytes = 4 * kMaxPixels;  // a tile or row, as the library takes it
constexpr int64_t kMaxSamples = 16;                 // a pixel

// The file in memory, and the first error.
struct Source {
  std::span<const uint8_t> bytes;
  uint64_t at = 0;
  char message[200] = "";
};

Source& source(thandle_t handle) { return *static_cast<Source*>(handle); }

tmsize_t read_some(thandle_t handle, void* out, tmsize_t count) {
  Source& s = source(handle);
  if (count < 0 || s.at >= s.bytes.size()) return 0;
  const size_t n = std::min<uint64_t>(static_cast<uint64_t>(count), s.bytes.size() - s.at);
  std::memcpy(out, s.bytes.data() + s.at, n);
  s.at += n;
  return static_cast<tmsize_t>(n);
}

toff_t seek_to(thandle_t handle, toff_t offset, int whence) {
  Source& s = source(handle);
  s.at = whence == SEEK_SET ? offset : whence == SEEK_CUR ? s.at + offset : s.bytes.size() + offset;
  return s.at;
}

tmsize_t refuse_write(thandle_t, void*, tmsize_t) { return 0; }
int do_nothing(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return source(handle).bytes.size(); }
int no_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

int keep_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  Source& s = *static_cast<Source*>(user);
  if (!s.message[0]) std::vsnprintf(s.message, sizeof s.message, format, arguments);
  return 1;
}

struct Close {
  void operator()(TIFF* t) const { TIFFClose(t); }
  void operator()(TIFFOpenOptions* o) const { TIFFOpenOptionsFree(o); }
};
using File = std::unique_ptr<TIFF, Close>;

File open(Source& s) {
  const std::unique_ptr<TIFFOpenOptions, Close> options(TIFFOpenOptionsAlloc());
  if (!options) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), 2 * kMaxBlockBytes);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_error, &s);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), no_warning, nullptr);
  return File(TIFFClientOpenExt("picture", "rm", &s, read_some, refuse_write, seek_to, do_nothing, size_of,
                                nullptr, nullptr, options.get()));
}

enum class Alpha { kNone, kPlain, kMultiplied };

struct Layout {
  int64_t width = 0, height = 0;
  int bits = 1, samples = 1;  // of a pixel
  int colours = 1;            // the first of the samples
  uint16_t photometric = 0, compression = 0, orientation = ORIENTATION_TOPLEFT;
  Alpha alpha = Alpha::kNone;
  bool planes_apart = false;

  int used() const { return colours + (alpha == Alpha::kNone ? 0 : 1); }
};

template <class T>
T field(TIFF* t, uint32_t tag) {
  T value{};
  TIFFGetFieldDefaulted(t, tag, &value);
  return value;
}

[[noreturn]] void refuse(const std::string& what) {
  throw FileError("the TIFF has " + what + ", which is not read");
}

int colours_of(TIFF* t, uint16_t photometric) {
  switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_PALETTE:
      return 1;
    case PHOTOMETRIC_RGB:
    case PHOTOMETRIC_YCBCR:
      return 3;
    case PHOTOMETRIC_SEPARATED:
      if (field<uint16_t>(t, TIFFTAG_INKSET) == INKSET_CMYK) return 4;
      refuse("inks other than CMYK");
    default:
      refuse("photometric interpretation " + std::to_string(photometric));
  }
}

Layout read_layout(TIFF* t) {
  Layout l;
  l.width = field<uint32_t>(t, TIFFTAG_IMAGEWIDTH);
  l.height = field<uint32_t>(t, TIFFTAG_IMAGELENGTH);
  check_size("TIFF", l.width, l.height);
  l.bits = field<uint16_t>(t, TIFFTAG_BITSPERSAMPLE);
  l.samples = field<uint16_t>(t, TIFFTAG_SAMPLESPERPIXEL);
  l.compression = field<uint16_t>(t, TIFFTAG_COMPRESSION);
  l.orientation = field<uint16_t>(t, TIFFTAG_ORIENTATION);
  l.planes_apart = field<uint16_t>(t, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
  if (!TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &l.photometric)) refuse("no photometric interpretation");
  l.colours = colours_of(t, l.photometric);
  if (l.samples < l.colours || l.samples > kMaxSamples || l.width * l.height * l.samples > 4 * kMaxPixels)
    refuse(std::to_string(l.samples) + " samples a pixel");
  const auto format = field<uint16_t>(t, TIFFTAG_SAMPLEFORMAT);
  const int depths[] = {1, 2, 4, 8, 16};
  if ((format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) ||
      std::find(std::begin(depths), std::end(depths), l.bits) == std::end(depths) ||
      (l.photometric == PHOTOMETRIC_PALETTE && l.bits > 8))
    refuse("samples of " + std::to_string(l.bits) + " bits in format " + std::to_string(format));
  if (std::find(std::begin(kCompressions), std::end(kCompressions), l.compression) ==
          std::end(kCompressions) ||
      !TIFFIsCODECConfigured(l.compression))
    refuse("compression " + std::to_string(l.compression));
  uint16_t extras = 0;
  const uint16_t* kinds = nullptr;
  if (TIFFGetFieldDefaulted(t, TIFFTAG_EXTRASAMPLES, &extras, &kinds) && extras && kinds &&
      l.samples > l.colours && l.colours != 4 && l.photometric != PHOTOMETRIC_PALETTE)
    l.alpha = kinds[0] == EXTRASAMPLE_ASSOCALPHA   ? Alpha::kMultiplied
              : kinds[0] == EXTRASAMPLE_UNASSALPHA ? Alpha::kPlain
                                                   : Alpha::kNone;
  return l;
}

uint32_t sample_at(const uint8_t* row, size_t i, int bits) {
  if (bits == 8) return row[i];
  if (bits == 16) {
    uint16_t value;
    std::memcpy(&value, row + 2 * i, 2);
    return value;
  }
  const size_t bit = i * bits;
  return row[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
}

// Rows and tiles -> the used samples of every pixel, side by side, of 8 bits (indices as they are).
class Samples {
 public:
  explicit Samples(const Layout& l) : l_(l), values_(static_cast<size_t>(l.width) * l.height * l.used()) {}

  // `count` pixels from (x, y) on, of all samples or of plane `plane` alone.
  void put(const uint8_t* row, int64_t x, int64_t y, int64_t count, int plane) {
    const bool index = l_.photometric == PHOTOMETRIC_PALETTE;
    const int step = l_.planes_apart ? 1 : l_.samples;
    for (int s = l_.planes_apart ? plane : 0; s < (l_.planes_apart ? plane + 1 : l_.used()); ++s) {
      uint8_t* to = &values_[static_cast<size_t>(y * l_.width + x) * l_.used() + s];
      for (int64_t i = 0; i < count; ++i, to += l_.used()) {
        const uint32_t v = sample_at(row, static_cast<size_t>(i * step + (l_.planes_apart ? 0 : s)), l_.bits);
        *to = index ? static_cast<uint8_t>(v) : to_8_bits(v, l_.bits);
      }
    }
  }
  std::vector<uint8_t>& values() { return values_; }

 private:
  const Layout& l_;
  std::vector<uint8_t> values_;
};

// Bytes of `pixels` pixels in a row, as the samples above are found there.
uint64_t bytes_of(const Layout& l, uint64_t pixels) {
  return (pixels * l.bits * (l.planes_apart ? 1 : l.samples) + 7) / 8;
}

bool read_rows(TIFF* t, const Layout& l, Samples& out) {
  const uint64_t row_bytes = TIFFScanlineSize64(t);
  if (row_bytes < bytes_of(l, l.width) || row_bytes > static_cast<uint64_t>(2 * kMaxBlockBytes)) return false;
  std::vector<uint8_t> row(row_bytes);
  for (int plane = 0; plane < (l.planes_apart ? l.used() : 1); ++plane)
    for (int64_t y = 0; y < l.height; ++y) {
      if (TIFFReadScanline(t, row.data(), static_cast<uint32_t>(y), static_cast<uint16_t>(plane)) != 1)
        return false;
      out.put(row.data(), 0, y, l.width, plane);
    }
  return true;
}

bool read_tiles(TIFF* t, const Layout& l, Samples& out) {
  const int64_t across = field<uint32_t>(t, TIFFTAG_TILEWIDTH), down = field<uint32_t>(t, TIFFTAG_TILELENGTH);
  const uint64_t tile_bytes = TIFFTileSize64(t), row_bytes = TIFFTileRowSize64(t);
  if (across < 1 || down < 1 || tile_bytes > static_cast<uint64_t>(kMaxBlockBytes) ||
      row_bytes < bytes_of(l, across) || row_bytes > tile_bytes || row_bytes * down > tile_bytes)
    return false;
  std::vector<uint8_t> tile(tile_bytes);
  for (int plane = 0; plane < (l.planes_apart ? l.used() : 1); ++plane)
    for (int64_t y = 0; y < l.height; y += down)
      for (int64_t x = 0; x < l.width; x += across) {
        const auto done = TIFFReadTile(t, tile.data(), static_cast<uint32_t>(x), static_cast<uint32_t>(y), 0,
                                       static_cast<uint16_t>(plane));
        if (done != static_cast<tmsize_t>(tile_bytes)) return false;
        for (int64_t row = 0; row < std::min(down, l.height - y); ++row)
          out.put(&tile[row * row_bytes], x, y + row, std::min(across, l.width - x), plane);
      }
  return true;
}

// Indices -> R, G, B.
bool look_up(TIFF* t, const Layout& l, std::span<const uint8_t> indices, Image& image) {
  const uint16_t* maps[3] = {};
  if (!TIFFGetField(t, TIFFTAG_COLORMAP, &maps[0], &maps[1], &maps[2])) return false;
  const size_t most = (size_t{1} << l.bits) - 1;
  for (size_t i = 0; i < indices.size(); ++i)
    for (int c = 0; c < 3; ++c)
      image.pixels[3 * i + c] = to_8_bits(maps[c][std::min<size_t>(indices[i], most)], 16);
  return true;
}

void divide_by_alpha(Image& image) {
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    const int alpha = image.alpha[i / image.channels];
    image.pixels[i] = static_cast<uint8_t>(alpha ? std::min(255, image.pixels[i] * 255 / alpha) : 0);
  }
}

Image convert(TIFF* t, const Layout& l, std::vector<uint8_t>& samples, Source& s) {
  const int width = static_cast<int>(l.width), height = static_cast<int>(l.height);
  Image image(width, height, l.colours == 4 ? 3 : 1);
  if (l.photometric == PHOTOMETRIC_PALETTE) {
    image = Image(width, height, 3);
    if (!look_up(t, l, samples, image)) throw FileError(std::string("broken TIFF: no palette. ") + s.message);
    return image;
  }
  if (l.colours == 4) {
    cmyk_to_rgb(samples.data(), image.pixels.data(), l.width * l.height, false);
    return image;
  }
  image = split_alpha(samples, width, height, l.used());
  if (l.alpha == Alpha::kMultiplied) divide_by_alpha(image);
  if (l.photometric == PHOTOMETRIC_MINISWHITE)
    for (uint8_t& v : image.pixels) v = static_cast<uint8_t>(255 - v);
  return image;
}

// By the library's conversion: YCbCr of any sampling.
Image read_ycc(TIFF* t, const Layout& l, Source& s) {
  std::vector<uint32_t> raster(static_cast<size_t>(l.width) * l.height);
  if (l.bits != 8 ||
      !TIFFReadRGBAImageOriented(t, static_cast<uint32_t>(l.width), static_cast<uint32_t>(l.height),
                                 raster.data(), l.orientation, 1))
    throw FileError(std::string("broken TIFF: ") + (s.message[0] ? s.message : "YCbCr of another depth"));
  Image image(static_cast<int>(l.width), static_cast<int>(l.height), 3);
  for (size_t i = 0; i < raster.size(); ++i) {
    image.pixels[3 * i] = static_cast<uint8_t>(TIFFGetR(raster[i]));
    image.pixels[3 * i + 1] = static_cast<uint8_t>(TIFFGetG(raster[i]));
    image.pixels[3 * i + 2] = static_cast<uint8_t>(TIFFGetB(raster[i]));
  }
  return image;
}

}  // namespace

Image decode_tiff(std::span<const uint8_t> bytes) {
  Source s{bytes};
  const File file = open(s);
  if (!file) throw FileError(std::string("broken TIFF: ") + s.message);
  TIFF* const t = file.get();
  const Layout l = read_layout(t);
  if (l.photometric == PHOTOMETRIC_YCBCR) {
    // JPEG inside converts colours itself, exactly as a JPEG file does.
    if (l.compression != COMPRESSION_JPEG || l.planes_apart || l.bits != 8)
      return apply_orientation(read_ycc(t, l, s), l.orientation);
    TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  Samples samples(l);
  if (!(TIFFIsTiled(t) ? read_tiles(t, l, samples) : read_rows(t, l, samples)))
    throw FileError(std::string("broken TIFF: ") +
                    (s.message[0] ? s.message : "its rows do not fit the picture"));
  return apply_orientation(convert(t, l, samples.values(), s), l.orientation);
}

}  // namespace onward::apps
