#include "tools/colorize_jobs.h"

#include <algorithm>
#include <set>

#include "apps/file.h"
#include "apps/image/read.h"
#include "apps/image/write.h"
#include "tools/command.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;

struct Source {
  fs::path path;
  fs::path relative;  // beneath the output folder
};

fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path made = fs::weakly_canonical(path, error);
  return error ? path.lexically_normal() : made;
}

void list_folder(const fs::path& folder, const fs::path& out, std::vector<Source>& sources) {
  std::error_code error;
  std::vector<fs::path> files;
  const auto skip = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(folder, skip, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code unreadable;
    if (it->is_directory(unreadable) && resolved(it->path()) == out) it.disable_recursion_pending();
    if (it->is_regular_file(unreadable) && apps::is_image_file(it->path())) files.push_back(it->path());
  }
  if (error) throw apps::FileError(folder.string() + ": cannot be listed: " + error.message());
  if (files.empty())
    throw apps::FileError(folder.string() + ": no picture in this folder; expected " + apps::kImageFormats);
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) sources.push_back({file, file.lexically_relative(folder)});
}

fs::path unused_name(const fs::path& wanted, const std::set<fs::path>& taken) {
  fs::path name = wanted;
  for (int i = 2; taken.count(name); ++i)
    name = wanted.parent_path() /
           (wanted.stem().string() + "_" + std::to_string(i) + wanted.extension().string());
  return name;
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// Whether `out` names one file; throws where it fits neither a file nor a folder.
bool is_single_output(const std::vector<std::string>& inputs, const std::string& out) {
  if (out.empty()) throw UsageError("--out is empty");
  if (out.back() == '/' || is_folder(out)) return false;
  const bool single = inputs.size() == 1 && !is_folder(inputs[0]);
  if (single && apps::can_write_image(out)) return true;
  if (single && fs::path(out).has_extension())
    throw UsageError("--out " + out +
                     ": the name ends in neither .png, .jpg nor .jpeg; add '/' to mean a folder");
  if (apps::can_write_image(out))
    throw UsageError("--out " + out + ": one file for several pictures; give a folder");
  std::error_code error;
  if (fs::exists(out, error)) throw UsageError("--out " + out + ": exists and is no folder");
  return false;
}

}  // namespace

std::vector<ColorizeJob> plan_colorize(const std::vector<std::string>& inputs, const std::string& out) {
  const bool single = is_single_output(inputs, out);
  std::vector<Source> sources;
  for (const std::string& input : inputs) {
    if (is_folder(input))
      list_folder(input, resolved(out), sources);
    else
      sources.push_back({input, fs::path(input).filename()});
  }
  std::set<fs::path> read, written;
  for (const Source& s : sources) read.insert(resolved(s.path));
  std::vector<ColorizeJob> jobs;
  for (const Source& s : sources) {
    fs::path target = single ? fs::path(out) : fs::path(out) / s.relative;
    if (!apps::can_write_image(target)) target += ".png";
    target = unused_name(target, written);
    written.insert(target);
    ColorizeJob job{s.path.string(), target.string(), ""};
    if (read.count(resolved(target)))
      job.refused = target.string() + ": would overwrite an input; choose another --out";
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace onward::tools
