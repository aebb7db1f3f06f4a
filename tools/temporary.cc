#include "tools/temporary.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "apps/file.h"

namespace onward::tools {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(const std::string& parent) {
  std::error_code error;
  const fs::path place = parent.empty() ? fs::temp_directory_path(error) : fs::path(parent);
  std::string name = (place / ".onward_XXXXXX").string();
  if (error || !::mkdtemp(name.data()))
    throw apps::FileError(place.string() + ": no folder can be made there: " + std::strerror(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace onward::tools
