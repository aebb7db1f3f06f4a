// Whole files in and out of memory. Writing is atomic: a temporary file in the same folder, then a rename, so
// that a failure or a crash leaves either the old file or the new one, never half of one.
#pragma once
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace onward::apps {

// A file that cannot be read, understood or written; what() names it and says why.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws FileError: missing, a folder, unreadable, or more than `max_bytes`.
std::vector<uint8_t> read_file(const std::string& path, int64_t max_bytes);

// At most the first `bytes` bytes; fewer, or none, where the file is shorter or cannot be read.
std::vector<uint8_t> read_file_start(const std::string& path, size_t bytes);

// Throws FileError where the folder is missing or not writable, the disk is full, or `path` is a folder.
void write_file(const std::string& path, std::span<const uint8_t> bytes);

}  // namespace onward::apps
