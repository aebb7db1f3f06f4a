// libjpeg's way of failing, made safe. The library reports an error by a callback that must not return; here
// it formats the text and jumps back into the function that called setjmp. Whatever must outlive the jump is
// in a struct that the caller owns, and no object with a destructor lives in the function that sets the jump.
#pragma once
#include <csetjmp>
#include <cstddef>
#include <cstdio>

#include <jpeglib.h>

namespace onward::apps {

struct JpegErrors {
  jpeg_error_mgr base;  // first: libjpeg gives us a pointer to it
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX];

  // Hooks the callbacks up; the result goes into cinfo.err. With `strict`, damage that the library would
  // paper over (a file that ends early, a broken code) is an error too.
  jpeg_error_mgr* init(bool strict);
};

}  // namespace onward::apps
