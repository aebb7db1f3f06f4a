// WebP with libwebp. Of an animation the first frame is read, on a clear canvas.

#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "apps/image/colour.h"
#include "apps/image/exif.h"
#include "apps/image/read.h"

namespace onward::apps {
namespace {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* d) const { WebPDemuxDelete(d); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, DeleteDemuxer>;

// Releases what the iterator holds; its bytes are the file's.
struct Frame {
  WebPIterator it{};
  ~Frame() { WebPDemuxReleaseIterator(&it); }
};

int orientation_of(WebPDemuxer* file) {
  WebPChunkIterator chunk{};
  int orientation = 1;
  if (WebPDemuxGetChunk(file, "EXIF", 1, &chunk)) {
    const std::span<const uint8_t> exif(chunk.chunk.bytes, chunk.chunk.size);
    const bool prefixed = exif.size() >= 6 && std::memcmp(exif.data(), "Exif\0\0", 6) == 0;
    orientation = prefixed ? exif_orientation(exif) : tiff_orientation(exif);
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

}  // namespace

Image decode_webp(std::span<const uint8_t> bytes, Exif exif) {
  const WebPData data{bytes.data(), bytes.size()};
  const Demuxer file(WebPDemux(&data));
  if (!file) throw FileError("broken WebP: its chunks are damaged or cut off");
  const int64_t width = WebPDemuxGetI(file.get(), WEBP_FF_CANVAS_WIDTH);
  const int64_t height = WebPDemuxGetI(file.get(), WEBP_FF_CANVAS_HEIGHT);
  check_size("WebP", width, height);
  Frame frame;
  if (!WebPDemuxGetFrame(file.get(), 1, &frame.it) || !frame.it.complete)
    throw FileError("broken WebP: it has no frame");
  const WebPIterator& it = frame.it;
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(it.fragment.bytes, it.fragment.size, &features) != VP8_STATUS_OK ||
      features.width != it.width || features.height != it.height || it.x_offset < 0 || it.y_offset < 0 ||
      it.x_offset + it.width > width || it.y_offset + it.height > height)
    throw FileError("broken WebP: its frame does not fit the picture");
  const bool covers = it.width == width && it.height == height;
  const int channels = features.has_alpha || !covers ? 4 : 3;
  std::vector<uint8_t> samples(static_cast<size_t>(width) * height * channels);
  const size_t row_bytes = static_cast<size_t>(width) * channels;
  const size_t first = row_bytes * it.y_offset + static_cast<size_t>(it.x_offset) * channels;
  const auto decode = channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(it.fragment.bytes, it.fragment.size, samples.data() + first, samples.size() - first,
              static_cast<int>(row_bytes)))
    throw FileError("broken WebP: its pixels are damaged or cut off");
  Image image = split_alpha(samples, static_cast<int>(width), static_cast<int>(height), channels);
  return apply_orientation(std::move(image), exif == Exif::kApply ? orientation_of(file.get()) : 1);
}

}  // namespace onward::apps
