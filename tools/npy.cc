#include "tools/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "apps/file.h"
#include "tools/utf.h"

namespace onward::tools {
namespace {

using apps::FileError;

constexpr uint8_t kMagic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
constexpr size_t kMaxHeaderBytes = 1 << 16;
constexpr size_t kMaxRank = 64;

struct NumpyType {
  const char* code;  // without byte order
  onward_dtype dtype;
  size_t bytes;
  size_t swap_bytes;  // unit of a byte order change: half a complex number
};

constexpr NumpyType kTypes[] = {
    {"b1", ONWARD_BOOL, 1, 1},      {"i1", ONWARD_INT8, 1, 1},         {"i2", ONWARD_INT16, 2, 2},
    {"i4", ONWARD_INT32, 4, 4},     {"i8", ONWARD_INT64, 8, 8},        {"u1", ONWARD_UINT8, 1, 1},
    {"u2", ONWARD_UINT16, 2, 2},    {"u4", ONWARD_UINT32, 4, 4},       {"u8", ONWARD_UINT64, 8, 8},
    {"f2", ONWARD_FLOAT16, 2, 2},   {"f4", ONWARD_FLOAT32, 4, 4},      {"f8", ONWARD_FLOAT64, 8, 8},
    {"c8", ONWARD_COMPLEX64, 8, 4}, {"c16", ONWARD_COMPLEX128, 16, 8},
};

// The dict literal of a header, of which only NumPy's own three keys are legal.
class Header {
 public:
  Header(std::string_view text, const std::string& name) : text_(text), name_(name) {
    expect('{');
    while (!accept('}')) {
      entry(quoted());
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (descr.empty() || !fortran_order || !shape) fail("lacks 'descr', 'fortran_order' or 'shape'");
  }

  std::string descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;

  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(name_ + ": the header of the .npy file " + what);
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_])) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c))
      fail(std::string("is no dict literal: expected '") + c + "' at byte " + std::to_string(at_));
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::string quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fail("has a text without an end");
    std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  int64_t number() {
    skip_space();
    int64_t value = 0;
    const size_t start = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[at_] - '0', &value))
        fail("has a dimension that is too large");
    if (at_ == start) fail("has a dimension that is no number");
    accept('L');  // as Python 2 wrote it
    return value;
  }
  void entry(const std::string& key) {
    expect(':');
    if (key == "descr") {
      skip_space();
      if (at_ < text_.size() && text_[at_] == '[') fail("describes a structured type; expected a plain one");
      descr = quoted();
    } else if (key == "fortran_order") {
      fortran_order = accept_word("True");
      if (!*fortran_order && !accept_word("False")) fail("has a 'fortran_order' other than True and False");
    } else if (key == "shape") {
      shape = tuple();
    } else {
      fail("has the unknown key '" + key.substr(0, 40) + "'");
    }
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> dims;
    expect('(');
    while (!accept(')')) {
      dims.push_back(number());
      if (dims.size() > kMaxRank) fail("has more than 64 dimensions");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return dims;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

struct ElementType {
  NumpyType type{};
  bool swapped = false;
};

ElementType element_type(const Header& header) {
  const std::string& descr = header.descr;
  const auto unknown = [&] {
    header.fail("has the element type '" + descr.substr(0, 40) +
                "'; expected a number, a bool or text (b1, i1..i8, u1..u8, f2..f8, c8, c16, U, S)");
  };
  if (descr.size() < 3 || !std::strchr("<>=|", descr[0])) unknown();
  const bool swapped = descr[0] == '>';
  const std::string code = descr.substr(1);
  for (const NumpyType& t : kTypes)
    if (code == t.code) return {t, swapped};
  if (code == "V1" || code == "f1" || code == "V2")
    return {{"V", ONWARD_UNDEFINED, code == "V2" ? 2u : 1u, 1}, false};
  if (code[0] != 'U' && code[0] != 'S') unknown();
  size_t length = 0;
  for (char c : code.substr(1)) {
    if (c < '0' || c > '9' || length > (1u << 28)) unknown();
    length = 10 * length + static_cast<size_t>(c - '0');
  }
  if (code[0] == 'U') return {{"U", ONWARD_STRING, 4 * length, 4}, swapped};
  return {{"S", ONWARD_STRING, length, 1}, false};
}

void swap_units(std::span<std::byte> bytes, size_t unit) {
  for (size_t i = 0; unit > 1 && i + unit <= bytes.size(); i += unit)
    std::reverse(bytes.begin() + static_cast<ptrdiff_t>(i), bytes.begin() + static_cast<ptrdiff_t>(i + unit));
}

// Column-major elements -> row-major, walking the target in order.
std::vector<std::byte> row_major(const std::vector<std::byte>& in, const std::vector<int64_t>& shape,
                                 size_t width) {
  std::vector<std::byte> out(in.size());
  std::vector<size_t> strides(shape.size()), index(shape.size());
  size_t stride = width;
  for (size_t d = 0; d < shape.size(); ++d) {
    strides[d] = stride;
    stride *= static_cast<size_t>(shape[d]);
  }
  size_t from = 0;
  for (size_t to = 0; to < out.size(); to += width) {
    std::memcpy(&out[to], &in[from], width);
    for (size_t d = shape.size(); d-- > 0;) {
      from += strides[d];
      if (++index[d] < static_cast<size_t>(shape[d])) break;
      from -= strides[d] * index[d];
      index[d] = 0;
    }
  }
  return out;
}

std::string unicode_text(std::span<const std::byte> unit, const std::string& name) {
  std::u32string points(unit.size() / 4, U'\0');
  std::memcpy(points.data(), unit.data(), points.size() * 4);
  while (!points.empty() && points.back() == 0) points.pop_back();
  const auto text = to_utf8(points);
  if (!text) throw FileError(name + ": a text has a number that is no Unicode character");
  return *text;
}

std::string byte_text(std::span<const std::byte> unit) {
  std::string text(reinterpret_cast<const char*>(unit.data()), unit.size());
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

size_t data_bytes(const Header& header, size_t width) {
  uint64_t count = width;
  const bool empty = std::count(header.shape->begin(), header.shape->end(), 0) > 0;
  if (empty) return 0;
  for (int64_t d : *header.shape)
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(d), &count))
      header.fail("has a shape that is too large");
  return count;
}

// Zero-width texts take no bytes, so the shape alone would decide how many there are.
constexpr int64_t kMaxStrings = 1 << 26;

void check_string_count(const Header& header) {
  int64_t count = 1;
  for (int64_t d : *header.shape)
    if (__builtin_mul_overflow(count, d, &count) || count > kMaxStrings) header.fail("has too many texts");
}

struct Parts {
  std::string_view header;
  std::span<const uint8_t> data;
};

Parts split(std::span<const uint8_t> file, const std::string& name) {
  if (file.size() < 10 || !std::equal(std::begin(kMagic), std::end(kMagic), file.begin()))
    throw FileError(name + ": not a .npy file");
  const int version = file[6];
  if (version < 1 || version > 3)
    throw FileError(name + ": .npy version " + std::to_string(version) + "; expected 1, 2 or 3");
  const size_t start = version == 1 ? 10 : 12;
  size_t length = file[8] + (size_t{file[9]} << 8);
  if (version > 1 && file.size() >= start) length += (size_t{file[10]} << 16) + (size_t{file[11]} << 24);
  if (length > kMaxHeaderBytes || file.size() < start + length)
    throw FileError(name + ": the .npy file ends in its header, or the header is too long");
  return {{reinterpret_cast<const char*>(file.data()) + start, length}, file.subspan(start + length)};
}

}  // namespace

NpyArray parse_npy(std::span<const uint8_t> file, const std::string& name) {
  const Parts parts = split(file, name);
  const Header header(parts.header, name);
  const ElementType element = element_type(header);
  const size_t width = element.type.bytes;
  const size_t wanted = data_bytes(header, width);
  if (parts.data.size() != wanted)
    throw FileError(name + ": " + std::to_string(parts.data.size()) + " bytes of data; expected " +
                    std::to_string(wanted) + " for its type and shape");
  NpyArray array{element.type.dtype, *header.shape, {}, {}};
  array.bytes.resize(wanted);
  if (wanted) std::memcpy(array.bytes.data(), parts.data.data(), wanted);
  if (element.swapped) swap_units(array.bytes, element.type.swap_bytes);
  if (*header.fortran_order && array.shape.size() > 1 && width > 0 && wanted > 0)
    array.bytes = row_major(array.bytes, array.shape, width);
  if (array.dtype == ONWARD_BOOL)
    for (std::byte& b : array.bytes) b = std::byte{b != std::byte{0}};
  if (array.dtype != ONWARD_STRING) return array;
  check_string_count(header);
  size_t count = 1;
  for (int64_t d : array.shape) count *= static_cast<size_t>(d);
  for (size_t i = 0; i < count; ++i) {
    const auto unit = std::span<const std::byte>(array.bytes).subspan(i * width, width);
    array.strings.push_back(element.type.swap_bytes == 4 ? unicode_text(unit, name) : byte_text(unit));
  }
  array.bytes.clear();
  return array;
}

NpyArray read_npy(const std::string& path) {
  return parse_npy(apps::read_file(path, std::numeric_limits<int64_t>::max()), path);
}

namespace {

// The texts as equally long rows of code points, as NumPy's U type has them.
std::string unicode_bytes(const NpyArray& array, const std::string& name, std::string& descr) {
  std::vector<std::u32string> texts;
  size_t longest = 1;
  for (const std::string& s : array.strings) {
    const auto points = from_utf8(s);
    if (!points) throw FileError(name + ": a text is not UTF-8, which a .npy file cannot hold");
    longest = std::max(longest, points->size());
    texts.push_back(*points);
  }
  std::string data;
  for (std::u32string& t : texts) {
    t.resize(longest);
    data.append(reinterpret_cast<const char*>(t.data()), 4 * longest);
  }
  descr = "<U" + std::to_string(longest);
  return data;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (size_t d = 0; d < shape.size(); ++d) text += (d ? ", " : "") + std::to_string(shape[d]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace

std::vector<uint8_t> format_npy(const NpyArray& array, const std::string& name) {
  static_assert(std::endian::native == std::endian::little);
  std::string descr, text;
  if (array.dtype == ONWARD_STRING) text = unicode_bytes(array, name, descr);
  for (const NumpyType& t : kTypes)
    if (t.dtype == array.dtype) descr = std::string(t.bytes == 1 ? "|" : "<") + t.code;
  if (descr.empty()) throw FileError(name + ": NumPy has no type for this tensor's elements");
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape_text(array.shape) + ", }";
  constexpr size_t kStart = 10, kAlign = 64;
  header.resize((kStart + header.size() + 1 + kAlign - 1) / kAlign * kAlign - kStart - 1, ' ');
  header += '\n';
  std::vector<uint8_t> file(std::begin(kMagic), std::end(kMagic));
  file.insert(file.end(),
              {1, 0, static_cast<uint8_t>(header.size() & 0xff), static_cast<uint8_t>(header.size() >> 8)});
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), text.begin(), text.end());
  const auto* bytes = reinterpret_cast<const uint8_t*>(array.bytes.data());
  file.insert(file.end(), bytes, bytes + array.bytes.size());
  return file;
}

}  // namespace onward::tools
