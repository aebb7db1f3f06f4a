// UTF-8 to code points and back, strict: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace onward::tools {

// nullopt where the text is not valid.
std::optional<std::u32string> from_utf8(std::string_view text);
std::optional<std::string> to_utf8(std::u32string_view points);

}  // namespace onward::tools
