// Read-only files in memory (small ones read, large ones mapped), or opened strictly beneath a folder (for
// external data that a model names). Nothing here follows a link out of that folder.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace ow {

// A whole file. Bytes stay valid while any shared_ptr to it lives; only a large file must not be cut short.
class MappedFile : public std::enable_shared_from_this<MappedFile> {
 public:
  // Errors: Io (missing, unreadable, a folder, ...), with the path and the system's reason.
  static Result<std::shared_ptr<MappedFile>> open(const std::string& path);

  // Opens `location` (a relative path with '/' separators, as in TensorProto.external_data) beneath `folder`.
  // Refused as InvalidModel: empty or absolute, over 255 bytes, NUL, '\\', ':', "." or ".." parts, symbolic
  // links anywhere below the folder, hard links, anything but a regular file.
  static Result<std::shared_ptr<MappedFile>> open_beneath(const std::string& folder,
                                                          std::string_view location);

  // Bytes that stay the caller's and outlive the object.
  static std::shared_ptr<MappedFile> borrow(std::span<const std::byte> bytes);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // Those of the bytes that lie in this file are not needed for now: a mapped file's pages leave memory, and
  // come back if they are read again.
  void let_go(std::span<const std::byte> bytes) const;

  // For bytes that are seldom wanted. They are there as long as the result lives; afterwards their pages
  // leave memory, and the next hold() brings them back. Never for bytes that somebody looks at without
  // holding them. Parts that overlap must be the same. Errors: Io (cannot be read again, or the file was
  // changed since).
  Result<std::shared_ptr<const void>> hold(std::span<const std::byte> bytes);

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  MappedFile(const std::byte* data, size_t size) : data_(data), size_(size) {}
  static Result<std::shared_ptr<MappedFile>> map(int fd, const std::string& shown_path, bool single_link);

  struct Held;  // what hold() returns
  struct Part {
    size_t end = 0;  // begins at its key; whole pages
    std::weak_ptr<const Held> held;
    bool gone = false;
  };
  void end_hold(size_t begin) noexcept;
  Status read_again(size_t begin, size_t end) const;

  const std::byte* data_;
  size_t size_;
  bool borrowed_ = false;
  int fd_ = -1;             // of a file that was read and is worth to be read again
  int64_t changed_ns_ = 0;  // when it was last, before it was read
  std::mutex mutex_;
  std::map<size_t, Part> parts_;
};

// Writes `parts` one after the other to a temporary file beside `path`, syncs it, and renames it into place:
// after an error nothing new is left behind and an existing file is untouched.
Status write_file(const std::string& path, std::span<const std::string_view> parts);

// The folder part of a path, "." if there is none.
std::string folder_of(const std::string& path);

}  // namespace ow
