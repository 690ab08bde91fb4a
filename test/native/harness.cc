// Runs the native tests. Prints one line for each failure and, last and alone, the sum that
// scripts/test.mjs reads: "N passed, N failed, N skipped".
#include "native/harness.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace test {
namespace {

struct Test {
  const char* name;
  const char* file;
  Body body;
};

/// A function's static, because registrations run before main in no particular order.
std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

struct Outcome {
  std::vector<std::string> failures;
  std::string skipped;
};
Outcome outcome;

/// The path from test/native/ on, whatever the build called the file.
const char* short_path(const char* file) {
  const char* found = std::strstr(file, "test/native/");
  return found == nullptr ? file : found;
}

constexpr const char* kHelp =
    "usage: native_tests [--filter TEXT]... [--except TEXT]... [--list] [--verbose]\n"
    "\n"
    "  --filter TEXT  only tests whose file or name holds TEXT, or that of another --filter\n"
    "  --except TEXT  no tests whose file or name holds TEXT\n"
    "  --list         print the names and run nothing\n"
    "  --verbose      print each test before it runs, and after it how long it took\n";

/// Whether a test's file or name holds one of the texts.
bool holds_any(const Test& test, const std::vector<std::string>& texts) {
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
    return std::strstr(test.name, text.c_str()) != nullptr ||
           std::strstr(short_path(test.file), text.c_str()) != nullptr;
  });
}

}  // namespace

Registration::Registration(const char* name, const char* file, Body body) {
  tests().push_back({name, file, body});
}

void fail(const char* file, int line, const std::string& text) {
  outcome.failures.push_back(std::string(short_path(file)) + ":" + std::to_string(line) + ": " +
                             text);
}

void skip(const std::string& reason) {
  outcome.skipped = reason;
}

bool in_child_aborts(void (*body)(void*), void* context) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    // What it says on the way out is expected and would only look like a failure.
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    body(context);
    _exit(0);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
         WTERMSIG(status) == SIGABRT;
}

int run_all(int argc, char** argv) {
  std::vector<std::string> filters;
  std::vector<std::string> exceptions;
  bool list = false;
  bool verbose = false;
  for (int index = 1; index < argc; ++index) {
    const std::string argument = argv[index];
    if (argument == "--filter" && index + 1 < argc) {
      filters.emplace_back(argv[++index]);
    } else if (argument == "--except" && index + 1 < argc) {
      exceptions.emplace_back(argv[++index]);
    } else if (argument == "--list") {
      list = true;
    } else if (argument == "--verbose") {
      verbose = true;
    } else {
      std::fputs(kHelp, argument == "--help" ? stdout : stderr);
      return argument == "--help" ? 0 : 64;
    }
  }

  int passed = 0;
  int failed = 0;
  int skipped = 0;
  for (const Test& test : tests()) {
    const char* file = short_path(test.file);
    if (!filters.empty() && !holds_any(test, filters)) continue;
    if (holds_any(test, exceptions)) continue;
    if (list || verbose) std::printf("%s: %s\n", file, test.name);
    if (list) continue;
    std::fflush(stdout);

    outcome = {};
    const auto begun = std::chrono::steady_clock::now();
    test.body();
    if (verbose) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      std::printf("    %.1f s\n", took.count());
    }
    if (!outcome.failures.empty()) {
      ++failed;
      std::printf("FAIL %s: %s\n", file, test.name);
      for (const std::string& text : outcome.failures)
        std::printf("    %s\n", text.c_str());
    } else if (!outcome.skipped.empty()) {
      ++skipped;
      std::printf("SKIP %s: %s: %s\n", file, test.name, outcome.skipped.c_str());
    } else {
      ++passed;
    }
  }
  if (list) return 0;
  std::printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  // Nothing run is no success: a filter that matches nothing must not look green.
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace test

int main(int argc, char** argv) {
  return test::run_all(argc, argv);
}
