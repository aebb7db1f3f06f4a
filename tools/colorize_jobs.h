// Which pictures `onward colorize` reads and where each one goes.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace onward::tools {

struct ColorizeJob {
  std::string input, output;
  std::string refused;  // why this one cannot be done, or empty
};

// Files as they are named; folders with all pictures beneath them, in order of name, told by their content.
// What lies in the output folder is not taken as input again.
//   one file and a picture's name as `out`   -> that file
//   else                                     -> out/NAME, or out/PATH IN THE FOLDER for folders
// A name that has no picture's ending gets ".png"; a second picture of the same name gets "_2". An output
// that would be one of the inputs is refused. Throws UsageError where `out` cannot serve, apps::FileError
// where a folder cannot be read or holds no picture.
std::vector<ColorizeJob> plan_colorize(const std::vector<std::string>& inputs, const std::string& out);

}  // namespace onward::tools
