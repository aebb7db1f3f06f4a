// onnx_roundtrip [--keep | --inline | --external] IN OUT [IN OUT ...]: loads each model and saves it again.
// onnx_roundtrip --text IN ...: prints each model in the textual syntax.
// tests/onnx_roundtrip.py holds what it writes against the official onnx package.
#include <cstdio>
#include <cstring>

#include "onnx/file.h"
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

ow::Status print(const char* in) {
  auto file = ONWARD_TRY(ow::onnx::load(in));
  std::string text = ow::onnx::to_text(file->model);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  ow::onnx::SaveOptions options;
  int first = 1, failures = 0;
  bool text = false;
  for (; first < argc && std::strncmp(argv[first], "--", 2) == 0; ++first) {
    if (!std::strcmp(argv[first], "--text")) text = true;
    if (!std::strcmp(argv[first], "--inline")) options.external_data = ow::onnx::ExternalData::kInline;
    if (!std::strcmp(argv[first], "--external")) options.external_data = ow::onnx::ExternalData::kExternal;
  }
  for (int i = first; text && i < argc; ++i) failures += report(print(argv[i]));
  for (int i = first; !text && i + 1 < argc; i += 2)
    failures += report(round_trip(argv[i], argv[i + 1], options));
  return failures ? 1 : 0;
}
