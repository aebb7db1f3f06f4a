// The `onward` program. Each command is a file of this folder; the table below is the list of them.

#include <cstdio>
#include <new>

#include "apps/image/image_decoder.h"
#include "onward/onward.hpp"
#include "tools/command.h"

namespace onward::tools {
namespace {

constexpr AddCommand kCommands[] = {add_colorize, add_run,     add_bench,    add_check,
                                    add_compare,  add_inspect, add_simplify, add_ops};

int fail(const char* message, int code) {
  std::fprintf(stderr, "onward: %s\n", message);
  return code;
}

// The parser itself only says that a command is missing.
void require_known_command(const CLI::App& program, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::string names;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == argv[1]) return;
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  throw UsageError("'" + std::string(argv[1]) + "' is no command; expected one of " + names);
}

int run(int argc, char** argv) {
  CLI::App program("Runs ONNX models anywhere.");
  program.set_version_flag("--version", std::string("onward ") + api().library_version());
  program.require_subcommand(1);
  program.failure_message(CLI::FailureMessage::simple);
  int exit_code = kDone;
  apps::use_image_decoder();
  for (AddCommand add : kCommands) add(program, exit_code);
  require_known_command(program, argc, argv);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return program.exit(e) == 0 ? kDone : kBadCall;
  }
  return exit_code;
}

}  // namespace
}  // namespace onward::tools

int main(int argc, char** argv) {
  using namespace onward::tools;
  try {
    return run(argc, argv);
  } catch (const UsageError& e) {
    return fail(e.what(), kBadCall);
  } catch (const onward::Error& e) {
    return fail(e.what(), e.code() == ONWARD_INVALID_ARGUMENT ? kBadCall : kJobFailed);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kJobFailed);
  } catch (const std::exception& e) {
    return fail(e.what(), kJobFailed);
  }
}
