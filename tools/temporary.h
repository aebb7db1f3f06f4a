// A folder that exists as long as this object.
#pragma once
#include <filesystem>
#include <string>

namespace onward::tools {

class TemporaryFolder {
 public:
  // Beneath `parent`, or beneath the system's place for temporary files. Throws apps::FileError.
  explicit TemporaryFolder(const std::string& parent = "");
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace onward::tools
