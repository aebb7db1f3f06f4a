// A command of the program: one file a command, one function that adds it to the command line.
//
// Exit codes: 0 done; 1 the job failed (a broken file, a model that cannot run, an output that cannot be
// written); 2 the call itself is wrong (a missing flag, a name that the model does not have).
#pragma once
#include <CLI/CLI.hpp>
#include <stdexcept>

namespace onward::tools {

// The call is wrong: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr int kDone = 0, kJobFailed = 1, kBadCall = 2;

// Adds a subcommand whose callback sets `exit_code` or throws (UsageError, onward::Error, apps::FileError).
using AddCommand = void (*)(CLI::App& program, int& exit_code);

void add_colorize(CLI::App& program, int& exit_code);
void add_run(CLI::App& program, int& exit_code);
void add_bench(CLI::App& program, int& exit_code);
void add_compare(CLI::App& program, int& exit_code);
void add_check(CLI::App& program, int& exit_code);
void add_inspect(CLI::App& program, int& exit_code);
void add_ops(CLI::App& program, int& exit_code);
void add_simplify(CLI::App& program, int& exit_code);

}  // namespace onward::tools
