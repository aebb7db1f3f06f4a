// The reader: one visitor over `fields` of each message, which takes the field whose number came.
#include <algorithm>
#include <bit>
#include <cstring>

#include "onnx/wire.h"

namespace ow::onnx {
namespace {

static_assert(std::endian::native == std::endian::little, "fixed-size scalars are copied as they are");

enum WireType : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroupBegin = 3,
  kGroupEnd = 4,
  kFixed32 = 5
};

template <class T>
constexpr WireType kScalarWireType = std::is_same_v<T, float>    ? kFixed32
                                     : std::is_same_v<T, double> ? kFixed64
                                                                 : kVarint;

// Where the reader is within one message.
struct Cursor {
  const char* at;
  const char* end;
  size_t remaining() const { return static_cast<size_t>(end - at); }
};

// What an error calls a field; a field without a name is unknown.
struct FieldId {
  std::string_view name;
  uint32_t number = 0;
};
void append(std::string& out, const FieldId& id) {
  if (id.number == 0)
    out += "a field tag";
  else if (id.name.empty())
    out += cat("unknown field ", id.number);
  else
    out += cat("field '", id.name, "'");
}

class Reader {
 public:
  explicit Reader(const ReadLimits& limits) : limits_(limits) {}

  template <class M>
  bool message(std::string_view bytes, M& m, int depth);

  Status take_error() { return path_.empty() ? std::move(error_) : std::move(error_).context(path_); }

 private:
  struct FieldReader;
  struct OneOfClearer;

  // All of these return false after an error, which is then in error_.
  bool fail(Status status) {
    error_ = std::move(status);
    return false;
  }
  bool varint(Cursor& c, FieldId what, uint64_t& value);
  bool tag(Cursor& c, uint32_t& value);
  bool length_delimited(Cursor& c, FieldId what, std::string_view& bytes);
  bool skip(Cursor& c, uint32_t number, uint32_t wire_type, int depth);
  bool account(size_t bytes) {
    used_bytes_ += static_cast<int64_t>(bytes);
    if (used_bytes_ <= limits_.max_struct_bytes) return true;
    return fail(
        limit_exceeded("the model's structure needs over ", limits_.max_struct_bytes, " bytes of memory"));
  }
  template <class T>
  bool scalar(Cursor& c, FieldId what, T& value);
  template <class T>
  bool packed(FieldId what, std::string_view bytes, std::vector<T>& values);
  void locate(std::string_view name, int64_t index) {
    std::string place(name);
    if (index >= 0) place = cat(name, "[", index, "]");
    path_ = path_.empty() ? place : cat(place, ".", path_);
  }

  const ReadLimits& limits_;
  int64_t used_bytes_ = 0;
  Status error_;
  std::string path_;
};

bool Reader::varint(Cursor& c, FieldId what, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (c.at == c.end) return fail(invalid_model(what, " is cut off in a varint"));
    auto byte = static_cast<unsigned char>(*c.at++);
    if (shift == 63 && byte > 1) return fail(invalid_model(what, " has a varint of over 64 bits"));
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return fail(invalid_model(what, " has a varint of over 10 bytes"));
}

bool Reader::tag(Cursor& c, uint32_t& value) {
  uint64_t raw;
  if (!varint(c, FieldId(), raw)) return false;
  if (raw > UINT32_MAX || raw >> 3 == 0)
    return fail(
        invalid_model("field number ", raw >> 3, " is outside 1 .. 536870911: this is no ONNX message"));
  value = static_cast<uint32_t>(raw);
  return true;
}

bool Reader::length_delimited(Cursor& c, FieldId what, std::string_view& bytes) {
  uint64_t length;
  if (!varint(c, what, length)) return false;
  if (length > c.remaining())
    return fail(invalid_model(what, " says ", length, " bytes, ", c.remaining(), " remain"));
  bytes = {c.at, static_cast<size_t>(length)};
  c.at += length;
  return true;
}

// Moves past the value of an unknown field, groups included.
bool Reader::skip(Cursor& c, uint32_t number, uint32_t wire_type, int depth) {
  const FieldId what{{}, number};
  auto fixed = [&](size_t bytes) {
    if (c.remaining() < bytes)
      return fail(invalid_model(what, " needs ", bytes, " bytes, ", c.remaining(), " remain"));
    c.at += bytes;
    return true;
  };
  uint64_t ignored;
  std::string_view ignored_bytes;
  switch (wire_type) {
    case kVarint:
      return varint(c, what, ignored);
    case kFixed64:
      return fixed(8);
    case kFixed32:
      return fixed(4);
    case kBytes:
      return length_delimited(c, what, ignored_bytes);
    case kGroupBegin:
      break;
    default:
      return fail(invalid_model(what, " has wire type ", wire_type, ", which cannot begin a field"));
  }
  if (depth >= limits_.max_depth)
    return fail(limit_exceeded(what, ": groups are nested over ", limits_.max_depth, " deep"));
  while (c.at != c.end) {
    uint32_t inner;
    if (!tag(c, inner)) return false;
    if ((inner & 7) == kGroupEnd) {
      if (inner >> 3 == number) return true;
      return fail(invalid_model(what, " is a group that is closed as field ", inner >> 3));
    }
    if (!skip(c, inner >> 3, inner & 7, depth + 1)) return false;
  }
  return fail(invalid_model(what, " is a group that is not closed"));
}

template <class T>
bool Reader::scalar(Cursor& c, FieldId what, T& value) {
  if constexpr (kScalarWireType<T> == kVarint) {
    uint64_t raw = 0;
    if (!varint(c, what, raw)) return false;
    value = static_cast<T>(raw);
    return true;
  } else {
    if (c.remaining() < sizeof(T))
      return fail(invalid_model(what, " needs ", sizeof(T), " bytes, ", c.remaining(), " remain"));
    std::memcpy(&value, c.at, sizeof(T));
    c.at += sizeof(T);
    return true;
  }
}

template <class T>
bool Reader::packed(FieldId what, std::string_view bytes, std::vector<T>& values) {
  if constexpr (kScalarWireType<T> == kVarint) {
    auto count =
        std::count_if(bytes.begin(), bytes.end(), [](char b) { return static_cast<signed char>(b) >= 0; });
    if (!account(static_cast<size_t>(count) * sizeof(T))) return false;
    values.reserve(values.size() + static_cast<size_t>(count));
    for (Cursor c{bytes.data(), bytes.data() + bytes.size()}; c.at != c.end;)
      if (!scalar(c, what, values.emplace_back())) return false;
  } else {
    if (bytes.size() % sizeof(T))
      return fail(
          invalid_model(what, " packs ", bytes.size(), " bytes, which are no multiple of ", sizeof(T)));
    if (bytes.empty()) return true;
    if (!account(bytes.size())) return false;
    size_t before = values.size();
    values.resize(before + bytes.size() / sizeof(T));
    std::memcpy(values.data() + before, bytes.data(), bytes.size());
  }
  return true;
}

// Takes one field: the member whose number is `number`, if the message has one.
struct Reader::FieldReader {
  Reader& reader;
  Cursor& cursor;
  uint32_t number;
  uint32_t wire_type;
  int depth;
  bool matched = false;
  bool matched_one_of = false;
  bool ok = true;

  template <class T>
  void field(uint32_t n, std::string_view name, T& member) {
    if (n != number) return;
    matched = true;
    ok = read(name, member);
  }
  template <class T>
  void packed(uint32_t n, std::string_view name, std::vector<T>& member) {
    field(n, name, member);
  }
  template <class T>
  void one_of(uint32_t n, std::string_view name, T& member) {
    if (n != number) return;
    matched_one_of = true;
    field(n, name, member);
  }

 private:
  bool expect(std::string_view name, WireType wanted) {
    if (wire_type == wanted) return true;
    return reader.fail(
        invalid_model(id(name), " has wire type ", wire_type, ", expected ", uint32_t{wanted}));
  }
  FieldId id(std::string_view name) const { return {name, number}; }

  bool bytes(std::string_view name, std::string_view& value) {
    if (!expect(name, kBytes)) return false;
    // The common case is decoded without building the message text.
    if (cursor.at != cursor.end && static_cast<signed char>(*cursor.at) >= 0 &&
        static_cast<size_t>(*cursor.at) < cursor.remaining()) {
      value = {cursor.at + 1, static_cast<size_t>(*cursor.at)};
      cursor.at += 1 + value.size();
      return true;
    }
    return reader.length_delimited(cursor, id(name), value);
  }
  template <class M>
  bool child(std::string_view name, M& m, int64_t index) {
    std::string_view inner;
    if (!bytes(name, inner)) return false;
    if (reader.message(inner, m, depth + 1)) return true;
    reader.locate(name, index);
    return false;
  }

  bool read(std::string_view name, std::optional<Text>& member) { return bytes(name, member.emplace()); }
  bool read(std::string_view name, std::vector<Text>& member) {
    return reader.account(sizeof(Text)) && bytes(name, member.emplace_back());
  }
  template <class T>
  bool read(std::string_view name, std::optional<T>& member) {
    return expect(name, kScalarWireType<T>) && reader.scalar(cursor, id(name), member.emplace());
  }
  template <class M>
  bool read(std::string_view name, Box<M>& member) {
    return reader.account(member ? 0 : sizeof(M)) && child(name, member.mutable_value(), -1);
  }
  template <class T>
  bool read(std::string_view name, std::vector<T>& member) {
    if constexpr (std::is_arithmetic_v<T>) {
      if (wire_type == kScalarWireType<T>)
        return reader.account(sizeof(T)) && reader.scalar(cursor, id(name), member.emplace_back());
      std::string_view inner;
      return bytes(name, inner) && reader.packed(id(name), inner, member);
    } else {
      if (!reader.account(sizeof(T))) return false;
      T& item = member.emplace_back();
      return child(name, item, static_cast<int64_t>(member.size()) - 1);
    }
  }
};

// Clears every member of the oneof but the one that was just read.
struct Reader::OneOfClearer {
  uint32_t keep;
  template <class T>
  void field(uint32_t, std::string_view, T&) {}
  template <class T>
  void packed(uint32_t, std::string_view, T&) {}
  template <class T>
  void one_of(uint32_t n, std::string_view, T& member) {
    if (n != keep) member.reset();
  }
};

template <class M>
bool Reader::message(std::string_view bytes, M& m, int depth) {
  if (depth > limits_.max_depth)
    return fail(limit_exceeded("messages are nested over ", limits_.max_depth, " deep"));
  Cursor c{bytes.data(), bytes.data() + bytes.size()};
  while (c.at != c.end) {
    const char* begin = c.at;
    uint32_t t;
    if (!tag(c, t)) return false;
    FieldReader v{*this, c, t >> 3, t & 7, depth};
    M::fields(m, v);
    if (!v.ok) return false;
    if (v.matched_one_of) {
      OneOfClearer clearer{v.number};
      M::fields(m, clearer);
    }
    if (v.matched) continue;
    if (!skip(c, v.number, v.wire_type, depth)) return false;
    auto& unknown = m.unknown_fields;
    if (!unknown.empty() && unknown.back().data() + unknown.back().size() == begin) {
      unknown.back() = {unknown.back().data(), static_cast<size_t>(c.at - unknown.back().data())};
    } else {
      if (!account(sizeof(std::string_view))) return false;
      unknown.emplace_back(begin, static_cast<size_t>(c.at - begin));
    }
  }
  return true;
}

}  // namespace

template <class M>
Status read_message(std::string_view bytes, M& message, const ReadLimits& limits) {
  Reader reader(limits);
  return reader.message(bytes, message, 1) ? Status() : reader.take_error();
}

template Status read_message(std::string_view, Model&, const ReadLimits&);
template Status read_message(std::string_view, Graph&, const ReadLimits&);
template Status read_message(std::string_view, Node&, const ReadLimits&);
template Status read_message(std::string_view, Attribute&, const ReadLimits&);
template Status read_message(std::string_view, Tensor&, const ReadLimits&);
template Status read_message(std::string_view, SparseTensor&, const ReadLimits&);
template Status read_message(std::string_view, ValueInfo&, const ReadLimits&);
template Status read_message(std::string_view, Type&, const ReadLimits&);
template Status read_message(std::string_view, Function&, const ReadLimits&);
template Status read_message(std::string_view, Sequence&, const ReadLimits&);
template Status read_message(std::string_view, Map&, const ReadLimits&);
template Status read_message(std::string_view, Optional&, const ReadLimits&);

}  // namespace ow::onnx
