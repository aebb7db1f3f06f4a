// NumPy's .npz: a ZIP archive of .npy files. Read from its end, as ZIP wants:
//   end record       "PK\5\6", at 10: entries (2), at 12: bytes of the directory (4), at 16: its offset (4)
//   directory entry  "PK\1\2", at 10: method (2; 0 stored, 8 deflated), at 20: packed bytes (4), 24: bytes
//   (4),
//                    28: name length (2), 30: extra length (2), 32: comment length (2), 42: offset (4), 46:
//                    name
//   local entry      "PK\3\4", at 26: name length (2), 28: extra length (2), 30: name, extra, data
// (APPNOTE 6.3). Archives of 4 GiB or more have 64-bit fields in `extra` with id 1, in the order of the
// fields that hold 0xffffffff; so has what numpy.savez writes, which does not know the sizes when it starts.
#include <zlib.h>

#include <cstring>
#include <limits>

#include "apps/file.h"
#include "tools/value_file.h"

namespace onward::tools {
namespace {

using apps::FileError;
using Bytes = std::span<const uint8_t>;

constexpr uint32_t kIn64 = 0xffffffff;

class Zip {
 public:
  Zip(Bytes file, const std::string& path) : file_(file), path_(path) {}

  std::vector<NpzEntry> entries() const {
    const size_t end = find_end();
    const uint64_t count = number(end + 10, 2);
    uint64_t at = number(end + 16, 4);
    if (at == kIn64 || count == 0xffff) fail("has a 64-bit directory, which is not read");
    std::vector<NpzEntry> out;
    for (uint64_t i = 0; i < count; ++i) {
      if (number(at, 4) != 0x02014b50) fail("has a damaged directory");
      NpzEntry entry;
      if (const Bytes name = part(at + 46, number(at + 28, 2)); !name.empty())
        entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
      const std::vector<uint8_t> npy = data(at);
      entry.array = parse_npy(npy, path_ + ":" + entry.name);
      if (entry.name.ends_with(".npy")) entry.name.resize(entry.name.size() - 4);
      out.push_back(std::move(entry));
      at += 46 + number(at + 28, 2) + number(at + 30, 2) + number(at + 32, 2);
    }
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(path_ + ": the .npz file " + what);
  }
  Bytes part(uint64_t at, uint64_t bytes) const {
    if (at > file_.size() || bytes > file_.size() - at) fail("ends too early");
    return file_.subspan(at, bytes);
  }
  uint64_t number(uint64_t at, size_t bytes) const {
    uint64_t v = 0;
    const Bytes from = part(at, bytes);
    for (size_t i = bytes; i-- > 0;) v = v << 8 | from[i];
    return v;
  }
  size_t find_end() const {
    constexpr size_t kRecord = 22, kLongestComment = 0xffff;
    const size_t least =
        file_.size() > kRecord + kLongestComment ? file_.size() - kRecord - kLongestComment : 0;
    for (size_t at = file_.size() < kRecord ? 0 : file_.size() - kRecord + 1; at-- > least;)
      if (number(at, 4) == 0x06054b50) return at;
    fail("has no directory: not a ZIP archive, or cut off");
  }
  // The 64-bit field `index` of the entry's extra part.
  uint64_t wide(uint64_t entry, size_t index) const {
    uint64_t at = entry + 46 + number(entry + 28, 2);
    const uint64_t end = at + number(entry + 30, 2);
    for (; at + 4 <= end; at += 4 + number(at + 2, 2))
      if (number(at, 2) == 1 && number(at + 2, 2) >= 8 * (index + 1)) return number(at + 4 + 8 * index, 8);
    fail("lacks a 64-bit size");
  }
  std::vector<uint8_t> data(uint64_t entry) const {
    size_t index = 0;
    const auto field = [&](uint64_t at) {
      const uint64_t v = number(at, 4);
      return v == kIn64 ? wide(entry, index++) : v;
    };
    const uint64_t bytes = field(entry + 24), packed = field(entry + 20), local = field(entry + 42);
    const uint64_t method = number(entry + 10, 2);
    if (number(local, 4) != 0x04034b50) fail("has a damaged entry");
    const Bytes from = part(local + 30 + number(local + 26, 2) + number(local + 28, 2), packed);
    if (method == 0) return {from.begin(), from.end()};
    if (method != 8) fail("is packed by method " + std::to_string(method) + "; expected stored or deflated");
    return inflated(from, bytes);
  }
  std::vector<uint8_t> inflated(Bytes from, uint64_t bytes) const {
    // Deflate packs at most about 1,032 to 1: a larger promise is a lie.
    if (bytes / 1100 > from.size() + 1) fail("promises more data than it can hold");
    constexpr uint64_t kMost = std::numeric_limits<uInt>::max();
    if (bytes > kMost || from.size() > kMost)
      fail("has a deflated entry of 4 GiB or more, which is not read");
    std::vector<uint8_t> out(bytes);
    z_stream stream{};
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail("cannot be unpacked");
    stream.next_in = const_cast<Bytef*>(from.data());
    stream.avail_in = static_cast<uInt>(from.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    const int status = ::inflate(&stream, Z_FINISH);
    ::inflateEnd(&stream);
    if (status != Z_STREAM_END || stream.avail_out != 0) fail("has a damaged entry");
    return out;
  }

  Bytes file_;
  const std::string& path_;
};

}  // namespace

std::vector<NpzEntry> read_npz(const std::string& path) {
  const std::vector<uint8_t> file = apps::read_file(path, std::numeric_limits<int64_t>::max());
  return Zip(file, path).entries();
}

}  // namespace onward::tools
