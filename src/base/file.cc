#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

#include <cerrno>
#include <cstring>
#include <new>

#include "base/out_of_memory.h"

namespace ow {
namespace {

std::string reason(int error) { return std::strerror(error); }

struct Fd {
  int value;
  ~Fd() {
    if (value >= 0) ::close(value);
  }
};

Status check_location(std::string_view location) {
  auto refuse = [&](const char* why) {
    return invalid_model("external data location '", printable(location), "' ", why,
                         "; expected a relative path inside the model's folder");
  };
  if (location.empty()) return refuse("is empty");
  if (location.size() > 255) return refuse("is longer than 255 bytes");
  if (location.find('\0') != location.npos) return refuse("contains a NUL byte");
  if (location.find_first_of("\\:") != location.npos) return refuse("contains '\\' or ':'");
  if (location.front() == '/') return refuse("is absolute");
  // A leading "./" is common in files and harmless.
  if (location.substr(0, 2) == "./") location.remove_prefix(2);
  for (size_t begin = 0; begin <= location.size();) {
    size_t end = std::min(location.find('/', begin), location.size());
    auto part = location.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return refuse("has an empty, '.' or '..' part");
    begin = end + 1;
  }
  return {};
}

// Opens each component without following links: for kernels that lack openat2, and systems that are not
// Linux.
int open_componentwise(int folder, std::string_view location) {
  int current = ::dup(folder);
  while (current >= 0) {
    size_t slash = location.find('/');
    std::string part(location.substr(0, slash));
    bool last = slash == location.npos;
    int next = ::openat(current, part.c_str(),
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY));
    int error = errno;
    struct stat info;  // a link to a folder is refused as no folder
    if (next < 0 && error == ENOTDIR && ::fstatat(current, part.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(info.st_mode))
      error = ELOOP;
    ::close(current);
    errno = error;
    if (last) return next;
    current = next;
    location.remove_prefix(slash + 1);
  }
  return current;
}

int open_resolved(int folder, const std::string& location) {
#if defined(__linux__)
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto fd = static_cast<int>(::syscall(SYS_openat2, folder, location.c_str(), &how, sizeof how));
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN)) return fd;
#endif
  return open_componentwise(folder, location);
}

// A mapped file that somebody cuts short takes the process down with SIGBUS when the lost pages are touched.
// So files up to this size are read instead; larger ones, where a copy would cost memory that counts, are
// mapped.
constexpr size_t kMaxReadBytes = size_t{64} << 20;
constexpr size_t kMinHeldFileBytes = size_t{1} << 20;
constexpr std::align_val_t kAlignment{64};

int64_t changed_ns(const struct stat& info) {
#if defined(__APPLE__)
  return int64_t{info.st_mtimespec.tv_sec} * 1'000'000'000 + info.st_mtimespec.tv_nsec;
#else
  return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
#endif
}

// Bytes [begin, end) of the file to the same place in `data`.
Status read_bytes(int fd, std::byte* data, size_t begin, size_t end, const std::string& shown_path) {
  while (begin < end) {
    const ssize_t n = ::pread(fd, data + begin, end - begin, static_cast<off_t>(begin));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return io_error(shown_path, ": ends after ", begin, " bytes, expected ", end, " or more");
    if (n < 0) return io_error(shown_path, ": cannot read: ", reason(errno));
    begin += static_cast<size_t>(n);
  }
  return {};
}

Result<std::byte*> read_all(int fd, size_t size, const std::string& shown_path) {
  auto* data = static_cast<std::byte*>(::operator new(size, kAlignment, std::nothrow));
  if (!data) throw OutOfMemory(static_cast<int64_t>(size));
  if (Status s = read_bytes(fd, data, 0, size, shown_path); !s.ok()) {
    ::operator delete(data, kAlignment);
    return s;
  }
  return data;
}

}  // namespace

MappedFile::~MappedFile() {
  if (fd_ >= 0) ::close(fd_);
  if (borrowed_) return;
  auto* data = const_cast<std::byte*>(data_);
  if (size_ > kMaxReadBytes)
    ::munmap(data, size_);
  else
    ::operator delete(data, kAlignment);
}

void MappedFile::let_go(std::span<const std::byte> bytes) const {
  constexpr uintptr_t kPage = 4096;
  if (borrowed_ || size_ <= kMaxReadBytes) return;
  const auto at = [](const std::byte* p) { return reinterpret_cast<uintptr_t>(p); };
  if (at(bytes.data()) < at(data_) || at(bytes.data() + bytes.size()) > at(data_ + size_)) return;
  const uintptr_t begin = (at(bytes.data()) + kPage - 1) / kPage * kPage;
  const uintptr_t end = at(bytes.data() + bytes.size()) / kPage * kPage;
  if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

struct MappedFile::Held {
  Held(std::shared_ptr<MappedFile> in, size_t at) : file(std::move(in)), begin(at) {}
  std::shared_ptr<MappedFile> file;
  size_t begin;
  ~Held() { file->end_hold(begin); }
};

Result<std::shared_ptr<const void>> MappedFile::hold(std::span<const std::byte> bytes) {
  constexpr size_t kPage = 4096, kMinBytes = 64 << 10;
  std::shared_ptr<const void> all = shared_from_this();
  const bool leaves = fd_ >= 0 || (size_ > kMaxReadBytes && !borrowed_);
  if (!leaves || bytes.size() < kMinBytes || bytes.data() < data_ || bytes.size() > size_ ||
      bytes.data() > data_ + (size_ - bytes.size()))
    return all;
  const uintptr_t base = reinterpret_cast<uintptr_t>(data_), from = reinterpret_cast<uintptr_t>(bytes.data());
  const size_t begin = (from + kPage - 1) / kPage * kPage - base,
               end = (from + bytes.size()) / kPage * kPage - base;
  std::lock_guard lock(mutex_);
  Part& part = parts_[begin];
  if (part.end != 0 && part.end != end) return internal_error("parts of a file overlap");
  part.end = end;
  if (auto held = part.held.lock()) return std::shared_ptr<const void>(std::move(held));
  if (part.gone) {
    ONWARD_TRY(read_again(begin, end));
    part.gone = false;
  }
  auto held = std::make_shared<const Held>(shared_from_this(), begin);
  part.held = held;
  return std::shared_ptr<const void>(std::move(held));
}

void MappedFile::end_hold(size_t begin) noexcept {
  std::lock_guard lock(mutex_);
  Part& part = parts_.find(begin)->second;
  if (!part.held.expired()) return;  // held again in the meantime
  const bool left = ::madvise(const_cast<std::byte*>(data_) + begin, part.end - begin, MADV_DONTNEED) == 0;
  part.gone = left && fd_ >= 0;  // a mapped file's pages come back by themselves
}

Status MappedFile::read_again(size_t begin, size_t end) const {
  struct stat info;
  if (::fstat(fd_, &info) != 0) return io_error("cannot read the model's weights again: ", reason(errno));
  if (static_cast<size_t>(info.st_size) != size_ || changed_ns(info) != changed_ns_)
    return io_error("the model's file was changed since it was loaded; load it again");
  return read_bytes(fd_, const_cast<std::byte*>(data_), begin, end, "the model's file");
}

std::shared_ptr<MappedFile> MappedFile::borrow(std::span<const std::byte> bytes) {
  auto file = std::shared_ptr<MappedFile>(new MappedFile(bytes.data(), bytes.size()));
  file->borrowed_ = true;
  return file;
}

Result<std::shared_ptr<MappedFile>> MappedFile::map(int fd, const std::string& shown_path, bool single_link) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return io_error(shown_path, ": cannot stat: ", reason(errno));
  if (S_ISDIR(info.st_mode)) return io_error(shown_path, ": is a folder, expected a file");
  if (!S_ISREG(info.st_mode)) return io_error(shown_path, ": is not a regular file");
  if (single_link && info.st_nlink != 1)
    return invalid_model(shown_path, ": has ", info.st_nlink, " hard links, expected 1 for external data");
  size_t size = static_cast<size_t>(info.st_size);
  // The object comes first: nothing that can fail lies between the memory and its owner.
  auto file = std::shared_ptr<MappedFile>(new MappedFile(nullptr, 0));
  if (size == 0) return file;
  if (size <= kMaxReadBytes) {
    file->data_ = ONWARD_TRY(read_all(fd, size, shown_path));
    file->size_ = size;
    file->changed_ns_ = changed_ns(info);
    if (size >= kMinHeldFileBytes) file->fd_ = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);  // -1: all of it stays
    return file;
  }
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return io_error(shown_path, ": cannot map: ", reason(errno));
  file->data_ = static_cast<const std::byte*>(data);
  file->size_ = size;
  return file;
}

Result<std::shared_ptr<MappedFile>> MappedFile::open(const std::string& path) {
  Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (fd.value < 0) return io_error(path, ": cannot open: ", reason(errno));
  return map(fd.value, path, false);
}

Result<std::shared_ptr<MappedFile>> MappedFile::open_beneath(const std::string& folder,
                                                             std::string_view location) {
  ONWARD_TRY(check_location(location));
  if (location.substr(0, 2) == "./") location.remove_prefix(2);
  std::string relative(location), shown = cat(folder, "/", location);
  Fd root{::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (root.value < 0) return io_error(folder, ": cannot open folder: ", reason(errno));
  Fd fd{open_resolved(root.value, relative)};
  if (fd.value < 0) {
    if (errno == ELOOP)
      return invalid_model(shown, ": external data may not be reached through a symbolic link");
    return io_error(shown, ": cannot open external data: ", reason(errno));
  }
  return map(fd.value, shown, true);
}

Status write_file(const std::string& path, std::span<const std::string_view> parts) {
  std::string temporary = cat(path, ".part-", ::getpid());
  Fd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  if (fd.value < 0) return io_error(path, ": cannot write: ", reason(errno));
  auto fail = [&](const char* what) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return io_error(path, ": cannot ", what, ": ", reason(error));
  };
  for (std::string_view part : parts) {
    while (!part.empty()) {
      ssize_t n = ::write(fd.value, part.data(), std::min<size_t>(part.size(), 1u << 30));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail("write");
      part.remove_prefix(static_cast<size_t>(n));
    }
  }
  if (::fsync(fd.value) != 0 && errno != EINVAL) return fail("sync");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail("rename");
  return {};
}

std::string folder_of(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace ow
