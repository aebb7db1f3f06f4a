// JSON text, written from front to back: reports that C callers get. No tree, no reader.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace ow {

// Text as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

// Puts the commas. Inside an object every value follows its key.
class JsonWriter {
 public:
  JsonWriter& open(char bracket) { return put(std::string_view(&bracket, 1)), fresh_ = true, *this; }
  JsonWriter& close(char bracket) { return out_ += bracket, fresh_ = false, *this; }
  JsonWriter& key(std::string_view name) { return put(json_string(name)), out_ += ':', fresh_ = true, *this; }
  JsonWriter& text(std::string_view value) { return put(json_string(value)); }
  JsonWriter& number(int64_t value) { return put(std::to_string(value)); }
  JsonWriter& boolean(bool value) { return put(value ? "true" : "false"); }
  JsonWriter& null() { return put("null"); }
  JsonWriter& json(std::string_view value) { return put(value); }  // a value that is JSON already

  std::string take() { return std::move(out_); }

 private:
  JsonWriter& put(std::string_view value) {
    if (!fresh_) out_ += ',';
    out_ += value;
    fresh_ = false;
    return *this;
  }
  std::string out_;
  bool fresh_ = true;  // the next value needs no comma before it
};

}  // namespace ow
