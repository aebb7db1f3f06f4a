// JPEG with libjpeg-turbo. Grey stays grey; YCbCr and RGB become RGB; CMYK and YCCK become RGB by
// R = C K / 255 on the inverted values that Adobe's programs write (and everybody else's are inverted first).
// Damage is an error, not a picture with a grey lower half.

#include <algorithm>
#include <cstdio>
#include <string>

#include "apps/image/colour.h"
#include "apps/image/exif.h"
#include "apps/image/jpeg.h"
#include "apps/image/read.h"

namespace onward::apps {
namespace {

// All that a decode owns; outlives the jumps.
struct Decode {
  jpeg_decompress_struct cinfo{};
  JpegErrors errors;
  jpeg_progress_mgr progress{};
  Image image;
  std::vector<uint8_t> row;
  bool inverted_cmyk = false;

  ~Decode() { jpeg_destroy_decompress(&cinfo); }
};

void stop_at_scan_limit(j_common_ptr common) {
  auto* cinfo = reinterpret_cast<j_decompress_ptr>(common);
  if (cinfo->input_scan_number <= kMaxJpegScans) return;
  auto& errors = *reinterpret_cast<JpegErrors*>(common->err);
  std::snprintf(errors.message, sizeof errors.message, "more than %d scans; refused", kMaxJpegScans);
  std::longjmp(errors.jump, 1);
}

// Each returns false with errors.message set; no object with a destructor lives in them.
bool read_header(Decode& d, std::span<const uint8_t> bytes) {
  d.cinfo.err = d.errors.init(true);
  if (setjmp(d.errors.jump)) return false;
  jpeg_create_decompress(&d.cinfo);
  d.progress.progress_monitor = stop_at_scan_limit;
  d.cinfo.progress = &d.progress;
  jpeg_mem_src(&d.cinfo, bytes.data(), bytes.size());
  jpeg_save_markers(&d.cinfo, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&d.cinfo, TRUE);
  switch (d.cinfo.jpeg_color_space) {
    case JCS_GRAYSCALE:
      d.cinfo.out_color_space = JCS_GRAYSCALE;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      d.cinfo.out_color_space = JCS_CMYK;
      break;
    default:
      d.cinfo.out_color_space = JCS_RGB;
  }
  d.inverted_cmyk = d.cinfo.saw_Adobe_marker;
  return true;
}

bool read_rows(Decode& d) {
  if (setjmp(d.errors.jump)) return false;
  jpeg_start_decompress(&d.cinfo);
  while (d.cinfo.output_scanline < d.cinfo.output_height) {
    uint8_t* out = d.image.at(0, static_cast<int>(d.cinfo.output_scanline));
    uint8_t* to = d.row.empty() ? out : d.row.data();
    if (jpeg_read_scanlines(&d.cinfo, &to, 1) != 1) continue;
    if (!d.row.empty()) cmyk_to_rgb(d.row.data(), out, d.image.width, d.inverted_cmyk);
  }
  jpeg_finish_decompress(&d.cinfo);
  return true;
}

int orientation_of(const jpeg_decompress_struct& cinfo) {
  for (auto* marker = cinfo.marker_list; marker; marker = marker->next) {
    if (marker->marker != JPEG_APP0 + 1 || marker->data_length < 6) continue;
    if (std::equal(marker->data, marker->data + 6, "Exif\0\0"))
      return exif_orientation({marker->data, marker->data_length});
  }
  return 1;
}

}  // namespace

Image decode_jpeg(std::span<const uint8_t> bytes, Exif exif) {
  Decode d;
  if (!read_header(d, bytes)) throw FileError(std::string("broken JPEG: ") + d.errors.message);
  const int64_t width = d.cinfo.image_width, height = d.cinfo.image_height;
  check_size("JPEG", width, height);
  const int channels = d.cinfo.out_color_space == JCS_GRAYSCALE ? 1 : 3;
  d.image = Image(static_cast<int>(width), static_cast<int>(height), channels);
  if (d.cinfo.out_color_space == JCS_CMYK) d.row.resize(static_cast<size_t>(width) * 4);
  const int orientation = exif == Exif::kApply ? orientation_of(d.cinfo) : 1;
  if (!read_rows(d)) throw FileError(std::string("broken JPEG: ") + d.errors.message);
  return apply_orientation(std::move(d.image), orientation);
}

}  // namespace onward::apps
