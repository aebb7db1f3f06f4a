// A child writes its stderr, then kEnd, a code and a message into one pipe; the parent polls the pipes.
#include "isolate.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace ow {
namespace {

using Clock = std::chrono::steady_clock;
constexpr char kEnd = '\x01';
constexpr size_t kShownStderrBytes = 600;

struct Child {
  size_t index = 0;
  pid_t pid = -1;
  int pipe = -1;
  Clock::time_point deadline;
  bool timed_out = false;
  std::string output;
};

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

[[noreturn]] void be_child(int pipe, size_t index, const std::function<Status(size_t)>& job) {
  dup2(pipe, STDERR_FILENO);
  const Status status = job(index);
  std::string end(1, kEnd);
  end += static_cast<char>('0' + static_cast<int>(status.code()));
  end += status.message();
  write_all(pipe, end);
  _exit(0);
}

Result<Child> start(size_t index, const IsolateOptions& options, const std::function<Status(size_t)>& job) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return io_error("cannot make a pipe: ", std::strerror(errno));
  const pid_t pid = fork();
  if (pid < 0) {
    close(ends[0]);
    close(ends[1]);
    return io_error("cannot start a process: ", std::strerror(errno));
  }
  if (pid == 0) {
    close(ends[0]);
    be_child(ends[1], index, job);
  }
  close(ends[1]);
  Child child;
  child.index = index;
  child.pid = pid;
  child.pipe = ends[0];
  child.deadline = Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(options.timeout_s * 1000));
  return child;
}

std::string last_of(const std::string& text) {
  const size_t from = text.size() > kShownStderrBytes ? text.size() - kShownStderrBytes : 0;
  return printable(std::string_view(text).substr(from), kShownStderrBytes);
}

Status verdict(const Child& child, int wait_status, double timeout_s) {
  if (child.timed_out) return {Code::kDeadlineExceeded, cat("not done after ", timeout_s, " s")};
  const size_t end = child.output.rfind(kEnd);
  if (WIFSIGNALED(wait_status))
    return internal_error("crashed: ", strsignal(WTERMSIG(wait_status)), ": ", last_of(child.output));
  if (WEXITSTATUS(wait_status) != 0 || end == std::string::npos || end + 1 >= child.output.size())
    return internal_error("exited with status ", WEXITSTATUS(wait_status), ": ", last_of(child.output));
  return {static_cast<Code>(child.output[end + 1] - '0'), child.output.substr(end + 2)};
}

// Reads what is there; false at the end.
bool drain(Child& child) {
  char buffer[4096];
  const ssize_t n = read(child.pipe, buffer, sizeof buffer);
  if (n > 0) child.output.append(buffer, static_cast<size_t>(n));
  return n > 0 || (n < 0 && errno == EINTR);
}

// Waits for output of any child, at most until the first deadline. Returns which children have ended.
std::vector<bool> wait_for(std::vector<Child>& children) {
  std::vector<pollfd> polled;
  auto first = Clock::time_point::max();
  for (const Child& c : children) {
    polled.push_back({c.pipe, POLLIN, 0});
    first = std::min(first, c.deadline);
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(first - Clock::now()).count() + 1;
  poll(polled.data(), polled.size(), static_cast<int>(std::max<int64_t>(0, left)));
  std::vector<bool> ended(children.size(), false);
  for (size_t i = 0; i < children.size(); ++i) {
    if (polled[i].revents) ended[i] = !drain(children[i]);
    if (!ended[i] && Clock::now() > children[i].deadline) {
      children[i].timed_out = ended[i] = true;
      kill(children[i].pid, SIGKILL);
    }
  }
  return ended;
}

Status finish(const Child& child, double timeout_s) {
  close(child.pipe);
  int wait_status = 0;
  while (waitpid(child.pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  return verdict(child, wait_status, timeout_s);
}

}  // namespace

Status run_isolated(size_t count, const IsolateOptions& options, const std::function<Status(size_t)>& job,
                    const std::function<void(size_t, const Status&)>& done) {
  std::vector<Child> children;
  size_t next = 0;
  while (next < count || !children.empty()) {
    while (next < count && children.size() < static_cast<size_t>(options.processes)) {
      children.push_back(ONWARD_TRY(start(next, options, job)));
      ++next;
    }
    const std::vector<bool> ended = wait_for(children);
    std::vector<Child> running;
    for (size_t i = 0; i < children.size(); ++i) {
      if (ended[i])
        done(children[i].index, finish(children[i], options.timeout_s));
      else
        running.push_back(std::move(children[i]));
    }
    children = std::move(running);
  }
  return {};
}

}  // namespace ow
