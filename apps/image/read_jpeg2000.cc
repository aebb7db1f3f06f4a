// JPEG 2000 with OpenJPEG: JP2 files (boxes of length, type and content; the codestream is in "jp2c") and
// bare codestreams. One to four components: grey, grey and alpha, RGB (or YCbCr), RGB and alpha (or CMYK);
// smaller ones are repeated. The codestream's SIZ segment is looked at before the library sees it, which
// takes memory for every tile that the segment claims.

#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "apps/image/byte_reader.h"
#include "apps/image/colour.h"
#include "apps/image/read.h"

namespace onward::apps {
namespace {

constexpr int64_t kMaxTiles = 10'000;
constexpr uint32_t kMaxBits = 16;

struct Source {
  std::span<const uint8_t> bytes;
  size_t at = 0;
};

OPJ_SIZE_T read_some(void* out, OPJ_SIZE_T count, void* user) {
  auto& s = *static_cast<Source*>(user);
  count = std::min<size_t>(count, s.bytes.size() - s.at);
  if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(out, s.bytes.data() + s.at, count);
  s.at += count;
  return count;
}

OPJ_OFF_T skip_some(OPJ_OFF_T count, void* user) {
  auto& s = *static_cast<Source*>(user);
  if (count < 0 || static_cast<uint64_t>(count) > s.bytes.size() - s.at) return -1;
  s.at += static_cast<size_t>(count);
  return count;
}

OPJ_BOOL seek_to(OPJ_OFF_T at, void* user) {
  auto& s = *static_cast<Source*>(user);
  if (at < 0 || static_cast<uint64_t>(at) > s.bytes.size()) return OPJ_FALSE;
  s.at = static_cast<size_t>(at);
  return OPJ_TRUE;
}

void keep_message(const char* text, void* user) {
  std::string& kept = *static_cast<std::string*>(user);
  if (kept.empty()) kept.assign(text, strcspn(text, "\r\n"));
}

// Both handles are void* to the compiler.
template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};
using Stream = std::unique_ptr<opj_stream_t, Destroy<opj_stream_destroy>>;
using Codec = std::unique_ptr<opj_codec_t, Destroy<opj_destroy_codec>>;
using Decoded = std::unique_ptr<opj_image_t, Destroy<opj_image_destroy>>;

bool is_bare(std::span<const uint8_t> bytes) { return bytes[0] == 0xff; }

// Where the codestream begins.
size_t find_codestream(std::span<const uint8_t> bytes) {
  if (is_bare(bytes)) return 0;
  ByteReader r(bytes);
  for (;;) {
    const size_t start = r.at();
    uint64_t length = r.big32();
    const uint32_t type = r.big32();
    if (length == 1) {
      const uint64_t high = r.big32();
      length = high << 32 | r.big32();
    }
    if (type == 0x6a703263) return r.at();  // "jp2c"
    if (length < r.at() - start || length > bytes.size() - start)
      throw FileError("broken JPEG 2000: no codestream in its boxes");
    r.seek(start + static_cast<size_t>(length));
  }
}

void check_header(std::span<const uint8_t> bytes) {
  ByteReader r(bytes, find_codestream(bytes));
  if (r.big32() != 0xff4fff51) throw FileError("broken JPEG 2000: its codestream does not begin with a size");
  r.take(4);
  int64_t v[8];  // ends, starts, tile sizes and tile starts, each in x and y
  for (int64_t& value : v) value = r.big32();
  const int components = r.byte() << 8 | r.byte();
  check_size("JPEG 2000 picture", v[0] - v[2], v[1] - v[3]);
  if (v[4] < 1 || v[5] < 1 || v[6] > v[2] || v[7] > v[3])
    throw FileError("broken JPEG 2000: its tiles have no size");
  const int64_t across = (v[0] - v[6] + v[4] - 1) / v[4], down = (v[1] - v[7] + v[5] - 1) / v[5];
  if (across > kMaxTiles || down > kMaxTiles || across * down > kMaxTiles)
    throw FileError("the JPEG 2000 picture has " + std::to_string(across) + " x " + std::to_string(down) +
                    " tiles; at most " + std::to_string(kMaxTiles) + " are read");
  if (components < 1 || components > 4)
    throw FileError("the JPEG 2000 picture has " + std::to_string(components) +
                    " components; 1 to 4 are read");
}

Decoded decode(std::span<const uint8_t> bytes) {
  std::string message;
  Source source{bytes};
  const Stream stream(opj_stream_create(1 << 16, OPJ_TRUE));
  const Codec codec(opj_create_decompress(is_bare(bytes) ? OPJ_CODEC_J2K : OPJ_CODEC_JP2));
  if (!stream || !codec) throw std::bad_alloc();
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), bytes.size());
  opj_stream_set_read_function(stream.get(), read_some);
  opj_stream_set_skip_function(stream.get(), skip_some);
  opj_stream_set_seek_function(stream.get(), seek_to);
  opj_set_error_handler(codec.get(), keep_message, &message);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_image_t* made = nullptr;
  const bool started =
      opj_setup_decoder(codec.get(), &parameters) && opj_read_header(stream.get(), codec.get(), &made);
  Decoded image(made);
  if (!started || !image || !opj_decode(codec.get(), stream.get(), image.get()) ||
      !opj_end_decompress(codec.get(), stream.get()))
    throw FileError("broken JPEG 2000: " +
                    (message.empty() ? "its codestream is damaged or cut off" : message));
  return image;
}

// Component `c` into every `channels`-th sample.
void copy_component(const opj_image_comp_t& c, const opj_image_comp_t& full, uint8_t* to, int channels,
                    int width, int height) {
  const int bits = static_cast<int>(c.prec);
  const int64_t most = (int64_t{1} << bits) - 1, offset = c.sgnd ? int64_t{1} << (bits - 1) : 0;
  const uint32_t across = std::max(1u, c.dx / full.dx), down = std::max(1u, c.dy / full.dy);
  for (int y = 0; y < height; ++y) {
    const OPJ_INT32* row = c.data + static_cast<size_t>(std::min<uint32_t>(y / down, c.h - 1)) * c.w;
    for (int x = 0; x < width; ++x, to += channels) {
      const int64_t value =
          std::clamp<int64_t>(row[std::min<uint32_t>(x / across, c.w - 1)] + offset, 0, most);
      *to = to_8_bits(static_cast<uint32_t>(value), bits);
    }
  }
}

void check_components(const opj_image_t& image, int64_t width, int64_t height) {
  check_size("JPEG 2000 picture", width, height);
  if (image.numcomps < 1 || image.numcomps > 4)
    throw FileError("the JPEG 2000 picture has " + std::to_string(image.numcomps) +
                    " components; 1 to 4 are read");
  for (uint32_t i = 0; i < image.numcomps; ++i) {
    const opj_image_comp_t& c = image.comps[i];
    if (!c.data || c.w < 1 || c.h < 1 || c.dx < 1 || c.dy < 1 || c.w > width || c.h > height)
      throw FileError("broken JPEG 2000: a component has no samples");
    if (c.prec < 1 || c.prec > kMaxBits)
      throw FileError("the JPEG 2000 picture has samples of " + std::to_string(c.prec) + " bits; at most " +
                      std::to_string(kMaxBits) + " are read");
  }
}

}  // namespace

Image decode_jpeg2000(std::span<const uint8_t> bytes) {
  check_header(bytes);
  const Decoded decoded = decode(bytes);
  const opj_image_comp_t& full = decoded->comps[0];
  const int64_t width = full.w, height = full.h;
  check_components(*decoded, width, height);
  const int channels = static_cast<int>(decoded->numcomps);
  std::vector<uint8_t> samples(static_cast<size_t>(width) * height * channels);
  for (int i = 0; i < channels; ++i)
    copy_component(decoded->comps[i], full, samples.data() + i, channels, static_cast<int>(width),
                   static_cast<int>(height));
  if (channels == 4 && decoded->color_space == OPJ_CLRSPC_CMYK) {
    Image image(static_cast<int>(width), static_cast<int>(height), 3);
    cmyk_to_rgb(samples.data(), image.pixels.data(), width * height, false);
    return image;
  }
  Image image = split_alpha(samples, static_cast<int>(width), static_cast<int>(height), channels);
  const bool ycc =
      decoded->color_space == OPJ_CLRSPC_SYCC || (channels >= 3 && decoded->comps[1].dx > full.dx);
  if (ycc && image.channels == 3) ycc_to_rgb(image.pixels.data(), width * height);
  return image;
}

}  // namespace onward::apps
