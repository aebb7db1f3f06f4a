// Protobuf's wire format, read from and written to the structs of model.h and data_model.h.
//
// A message is a run of fields; a field is a varint tag (number << 3 | wire type) and
//   wire type 0  varint, 7 bits a byte, least significant first, at most 10 bytes
//   wire type 1  8 bytes, little endian        wire type 5  4 bytes, little endian
//   wire type 2  varint length, then that many bytes: text, bytes, a message, or packed scalars
//   wire types 3 and 4 bracket a group, which only unknown fields use
// (protobuf.dev, "Encoding"). Written here rather than taken from a library for three reasons: text stays in
// the mapped file, an error names the place in the model, and every length and depth is bounded.
//
// Reading follows protobuf: the last value of a scalar wins, a message field that comes twice is merged,
// setting one member of a oneof clears the others, repeated scalars come packed or not. It is stricter in one
// point: a known field with a foreign wire type is an error. Writing gives what protobuf's own serializers
// give: known fields in ascending order of number, then the unknown ones.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "onnx/data_model.h"

namespace ow::onnx {

struct ReadLimits {
  // Messages within messages; a subgraph takes three (graph, node, attribute), so 200 is 64 nested subgraphs.
  int max_depth = 200;
  // Memory for the structs; text and raw_data do not count, they stay where they are.
  int64_t max_struct_bytes = int64_t{8} << 30;
};

// Reads a whole message and merges it into `message`, whose views then point into `bytes`.
// Errors: InvalidModel, or LimitExceeded past `limits`; the text begins with the place:
//   graph.node[12].attribute[3].t: field 'raw_data' says 4096 bytes, 100 remain
// After an error `message` holds what was read so far.
// M: Model, Graph, Node, Attribute, Tensor, SparseTensor, ValueInfo, Type, Function, Sequence, Map, Optional.
template <class M>
Status read_message(std::string_view bytes, M& message, const ReadLimits& limits = {});

// A serialized message in parts that belong one after the other. Long text and raw data are not copied: those
// parts are views that live as long as what the message's own views point to.
struct Encoded {
  std::vector<std::string_view> parts;
  uint64_t size_bytes = 0;
  std::unique_ptr<char[]> buffer;  // what the other parts point to

  std::string joined() const;
};

// The largest message that protobuf can read back.
inline constexpr uint64_t kMaxMessageBytes = (uint64_t{1} << 31) - 1;

// Errors: LimitExceeded if the message is over kMaxMessageBytes. M as for read_message.
template <class M>
Result<Encoded> write_message(const M& message);

}  // namespace ow::onnx
