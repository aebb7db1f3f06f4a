#include <jerror.h>

#include "apps/image/jpeg.h"

namespace onward::apps {
namespace {

JpegErrors& errors_of(j_common_ptr cinfo) { return *reinterpret_cast<JpegErrors*>(cinfo->err); }

[[noreturn]] void fail(j_common_ptr cinfo) {
  JpegErrors& errors = errors_of(cinfo);
  cinfo->err->format_message(cinfo, errors.message);
  std::longjmp(errors.jump, 1);
}

void ignore(j_common_ptr, int) {}
void print_nothing(j_common_ptr) {}

void fail_on_damage(j_common_ptr cinfo, int level) {
  if (level >= 0) return;
  switch (cinfo->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
      fail(cinfo);
    default:
      break;
  }
}

}  // namespace

jpeg_error_mgr* JpegErrors::init(bool strict) {
  jpeg_std_error(&base);
  base.error_exit = fail;
  base.emit_message = strict ? fail_on_damage : ignore;
  base.output_message = print_nothing;
  message[0] = '\0';
  return &base;
}

}  // namespace onward::apps
