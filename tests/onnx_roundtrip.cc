// onnx_roundtrip [--inline | --external] IN OUT [IN OUT ...]: loads each model and saves it again.
// onnx_roundtrip --text IN OUT ...: writes each model in the textual syntax, with whole payloads.
// onnx_roundtrip --payload IN OUT ...: writes the bytes of each TensorProto (strings each with a NUL after
// it). tests/onnx_roundtrip.py holds what it writes against the official onnx package.
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "onnx/file.h"
#include "onnx/tensor_data.h"
#include "onnx/text.h"

namespace {

int report(const ow::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %.*s\n", ow::code_name(status.code()), static_cast<int>(status.message().size()),
               status.message().data());
  return 1;
}

ow::Status round_trip(const char* in, const char* out, const ow::onnx::SaveOptions& options) {
  auto file = ONWARD_TRY(ow::onnx::load(in));
  return ow::onnx::save(*file, out, options);
}

ow::Status write(const char* out, std::string_view text) { return ow::write_file(out, {&text, 1}); }

ow::Status print(const char* in, const char* out) {
  auto file = ONWARD_TRY(ow::onnx::load(in));
  return write(out, ow::onnx::to_text(file->model, {.max_elements = INT64_MAX}));
}

ow::Status payload(const char* in, const char* out) {
  auto file = ONWARD_TRY(ow::MappedFile::open(in));
  ow::onnx::Tensor tensor;
  ONWARD_TRY(ow::onnx::read_message(file->text(), tensor));
  auto data = ONWARD_TRY(ow::onnx::tensor_data(tensor, nullptr));
  std::string text(data.bytes());
  for (auto item : data.strings) text += std::string(item) + '\0';
  return write(out, text);
}

}  // namespace

int main(int argc, char** argv) {
  ow::onnx::SaveOptions options;
  bool text = false, payloads = false;
  int at = 1, failures = 0;
  for (; at < argc && std::strncmp(argv[at], "--", 2) == 0; ++at) {
    text |= !std::strcmp(argv[at], "--text");
    payloads |= !std::strcmp(argv[at], "--payload");
    if (!std::strcmp(argv[at], "--inline")) options.external_data = ow::onnx::ExternalData::kInline;
    if (!std::strcmp(argv[at], "--external"))
      options = {.external_data = ow::onnx::ExternalData::kExternal, .threshold_bytes = 1};
  }
  for (; at + 1 < argc; at += 2) {
    const char *in = argv[at], *out = argv[at + 1];
    failures += report(text ? print(in, out) : payloads ? payload(in, out) : round_trip(in, out, options));
  }
  return failures ? 1 : 0;
}
