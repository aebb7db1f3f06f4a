// The writer: a first walk measures every message and packed field, a second one writes with those lengths,
// so that nothing is copied twice and the cost does not grow with the depth. Both walks meet the lengths in
// the same order, which is all that ties them together.
#include <cstring>

#include "onnx/wire.h"

namespace ow::onnx {
namespace {

// Longer text becomes a part of its own instead of being copied.
constexpr size_t kOwnPartBytes = 4096;

size_t varint_bytes(uint64_t value) {
  size_t n = 1;
  for (; value >= 0x80; value >>= 7) ++n;
  return n;
}

// Negative int32 values are sign-extended to 64 bits, as protobuf writes them.
template <class T>
uint64_t varint_value(T value) {
  if constexpr (std::is_signed_v<T>)
    return static_cast<uint64_t>(static_cast<int64_t>(value));
  else
    return value;
}

template <class T>
size_t scalar_bytes(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return sizeof(T);
  else
    return varint_bytes(varint_value(value));
}

template <class T>
constexpr uint32_t kScalarTag = std::is_same_v<T, float>    ? 5
                                : std::is_same_v<T, double> ? 1
                                                            : 0;

class Measure {
 public:
  std::vector<uint64_t> lengths;
  uint64_t referenced_bytes = 0;  // of the text that becomes parts of its own

  template <class M>
  uint64_t message(const M& m) {
    size_t slot = lengths.size();
    lengths.push_back(0);
    uint64_t outer = total_;
    total_ = 0;
    M::fields(m, *this);
    for (auto bytes : m.unknown_fields) total_ += text_bytes(bytes);
    uint64_t own = total_;
    lengths[slot] = own;
    total_ = outer;
    return own;
  }

  template <class T>
  void field(uint32_t number, std::string_view, const std::optional<T>& member) {
    if (member) total_ += varint_bytes(uint64_t{number} << 3) + value_bytes(*member);
  }
  template <class M>
  void field(uint32_t number, std::string_view, const Box<M>& member) {
    if (member) total_ += varint_bytes(uint64_t{number} << 3) + value_bytes(*member);
  }
  template <class T>
  void field(uint32_t number, std::string_view, const std::vector<T>& member) {
    for (const T& item : member) total_ += varint_bytes(uint64_t{number} << 3) + value_bytes(item);
  }
  template <class T>
  void packed(uint32_t number, std::string_view, const std::vector<T>& member) {
    if (member.empty()) return;
    uint64_t bytes = 0;
    for (T item : member) bytes += scalar_bytes(item);
    lengths.push_back(bytes);
    total_ += varint_bytes(uint64_t{number} << 3) + varint_bytes(bytes) + bytes;
  }
  template <class T>
  void one_of(uint32_t number, std::string_view name, const T& member) {
    field(number, name, member);
  }

 private:
  uint64_t text_bytes(Text text) {
    if (text.size() >= kOwnPartBytes) referenced_bytes += text.size();
    return text.size();
  }
  template <class T>
  uint64_t value_bytes(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      return scalar_bytes(value);
    } else if constexpr (std::is_same_v<T, Text>) {
      return varint_bytes(value.size()) + text_bytes(value);
    } else {
      uint64_t bytes = message(value);
      return varint_bytes(bytes) + bytes;
    }
  }
  uint64_t total_ = 0;
};

class Emit {
 public:
  Emit(const std::vector<uint64_t>& lengths, Encoded& out)
      : length_(lengths.data()), out_(out), at_(out.buffer.get()), part_begin_(at_) {}

  template <class M>
  void message(const M& m) {
    ++length_;
    M::fields(m, *this);
    for (auto bytes : m.unknown_fields) text(bytes);
  }
  void finish() {
    if (at_ != part_begin_) out_.parts.emplace_back(part_begin_, static_cast<size_t>(at_ - part_begin_));
    part_begin_ = at_;
  }

  template <class T>
  void field(uint32_t number, std::string_view, const std::optional<T>& member) {
    if (member) value(number, *member);
  }
  template <class M>
  void field(uint32_t number, std::string_view, const Box<M>& member) {
    if (member) value(number, *member);
  }
  template <class T>
  void field(uint32_t number, std::string_view, const std::vector<T>& member) {
    for (const T& item : member) value(number, item);
  }
  template <class T>
  void packed(uint32_t number, std::string_view, const std::vector<T>& member) {
    if (member.empty()) return;
    varint(number << 3 | 2);
    varint(*length_++);
    for (T item : member) scalar(item);
  }
  template <class T>
  void one_of(uint32_t number, std::string_view name, const T& member) {
    field(number, name, member);
  }

 private:
  void varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) *at_++ = static_cast<char>(v | 0x80);
    *at_++ = static_cast<char>(v);
  }
  template <class T>
  void scalar(T v) {
    if constexpr (std::is_floating_point_v<T>) {
      std::memcpy(at_, &v, sizeof v);
      at_ += sizeof v;
    } else {
      varint(varint_value(v));
    }
  }
  void text(Text bytes) {
    if (bytes.size() >= kOwnPartBytes) {
      finish();
      out_.parts.push_back(bytes);
    } else if (!bytes.empty()) {
      std::memcpy(at_, bytes.data(), bytes.size());
      at_ += bytes.size();
    }
  }
  template <class T>
  void value(uint32_t number, const T& v) {
    if constexpr (std::is_arithmetic_v<T>) {
      varint(number << 3 | kScalarTag<T>);
      scalar(v);
    } else if constexpr (std::is_same_v<T, Text>) {
      varint(number << 3 | 2);
      varint(v.size());
      text(v);
    } else {
      varint(number << 3 | 2);
      varint(*length_);
      message(v);
    }
  }

  const uint64_t* length_;
  Encoded& out_;
  char* at_;
  char* part_begin_;
};

}  // namespace

std::string Encoded::joined() const {
  std::string all;
  all.reserve(size_bytes);
  for (auto part : parts) all += part;
  return all;
}

template <class M>
Result<Encoded> write_message(const M& message) {
  Measure measure;
  Encoded out;
  out.size_bytes = measure.message(message);
  if (out.size_bytes > kMaxMessageBytes)
    return limit_exceeded("the message has ", out.size_bytes, " bytes, but protobuf reads at most ",
                          kMaxMessageBytes, "; save it with external data");
  uint64_t own_bytes = out.size_bytes - measure.referenced_bytes;
  out.buffer.reset(new char[own_bytes]);
  Emit emit(measure.lengths, out);
  emit.message(message);
  emit.finish();
  return out;
}

template Result<Encoded> write_message(const Model&);
template Result<Encoded> write_message(const Graph&);
template Result<Encoded> write_message(const Node&);
template Result<Encoded> write_message(const Attribute&);
template Result<Encoded> write_message(const Tensor&);
template Result<Encoded> write_message(const SparseTensor&);
template Result<Encoded> write_message(const ValueInfo&);
template Result<Encoded> write_message(const Type&);
template Result<Encoded> write_message(const Function&);
template Result<Encoded> write_message(const Sequence&);
template Result<Encoded> write_message(const Map&);
template Result<Encoded> write_message(const Optional&);

}  // namespace ow::onnx
