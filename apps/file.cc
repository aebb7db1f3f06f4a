#include "apps/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace onward::apps {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw FileError(path + ": " + what + ": " + std::strerror(errno));
}

// Bytes until the end of the file or until `out` is full; -1 on an error.
ssize_t read_all(int fd, uint8_t* out, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t n = ::read(fd, out + done, bytes - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

bool write_all(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

// What open() would give a new file. umask can only be read by setting it, which is not safe between threads,
// so an existing file's mode is kept and a new one gets the usual one through a probe of the process's
// status.
mode_t mode_for(const std::string& path) {
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0) return old.st_mode & 0777;
  unsigned mask = 022;
  if (FILE* status = std::fopen("/proc/self/status", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, status))
      if (std::sscanf(line, "Umask: %o", &mask) == 1) break;
    std::fclose(status);
  }
  return static_cast<mode_t>(0666 & ~mask);
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path, int64_t max_bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail(path, "cannot be opened");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail(path, "cannot be read");
  if (!S_ISREG(info.st_mode)) throw FileError(path + ": not an ordinary file");
  if (info.st_size > max_bytes)
    throw FileError(path + ": " + std::to_string(info.st_size) + " bytes; at most " +
                    std::to_string(max_bytes) + " are read");
  std::vector<uint8_t> bytes(static_cast<size_t>(info.st_size));
  const ssize_t n = read_all(file.get(), bytes.data(), bytes.size());
  if (n < 0) fail(path, "cannot be read");
  bytes.resize(static_cast<size_t>(n));
  return bytes;
}

std::vector<uint8_t> read_file_start(const std::string& path, size_t bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  std::vector<uint8_t> start(bytes);
  start.resize(static_cast<size_t>(std::max<ssize_t>(0, read_all(file.get(), start.data(), bytes))));
  return start;
}

void write_file(const std::string& path, std::span<const uint8_t> bytes) {
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0 && !S_ISREG(old.st_mode))
    throw FileError(path + ": exists and is not an ordinary file");
  std::string temporary = path + ".XXXXXX";
  Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) fail(path, "cannot be written");
  const bool written = write_all(file.get(), bytes) && ::fchmod(file.get(), mode_for(path)) == 0 &&
                       file.close() && std::rename(temporary.c_str(), path.c_str()) == 0;
  if (written) return;
  const int reason = errno;
  ::unlink(temporary.c_str());
  errno = reason;
  fail(path, "cannot be written");
}

}  // namespace onward::apps
