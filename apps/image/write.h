// Writing a picture: the format by the name's ending (.png, .jpg, .jpeg in any case), the file atomically.
// JPEG: quality 95 without chroma subsampling, as the colours are the point; alpha is laid on white there.
#pragma once
#include <string>
#include <vector>

#include "apps/file.h"
#include "apps/image/image.h"

namespace onward::apps {

// Whether write_image knows the ending of this name.
bool can_write_image(const std::string& path);

// Throws FileError: "PATH: reason"; nothing is left behind then.
void write_image(const std::string& path, const Image& image);

// The bytes that write_image writes to a file of this name.
std::vector<uint8_t> encode_image(const std::string& path, const Image& image);

}  // namespace onward::apps
