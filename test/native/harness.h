// The native tests' own small harness: no package is needed to compile it, and it works without
// exceptions. A test is TEST with a sentence about behaviour, followed by a block of CHECK_EQ,
// CHECK_TRUE and their kin. A failed comparison prints both sides and lets the test go on; REQUIRE
// leaves the test at once.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>
#include <type_traits>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace test {

using Body = void (*)();

/// Registers a test at start-up; used by TEST alone.
struct Registration {
  Registration(const char* name, const char* file, Body body);
};

/// Notes a failure of the running test.
void fail(const char* file, int line, const std::string& text);
/// Leaves the running test out of the counts of passed and failed, with the reason printed.
void skip(const std::string& reason);

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

/// How a value looks in a failure.
template <typename T>
std::string show(const T& value) {
  std::ostringstream out;
  if constexpr (std::is_same_v<T, bool>) {
    out << (value ? "true" : "false");
  } else if constexpr (std::is_enum_v<T>) {
    out << +static_cast<std::underlying_type_t<T>>(value);
  } else if constexpr (std::is_same_v<T, trunkyard::Duration> ||
                       std::is_same_v<T, trunkyard::Instant>) {
    out << value.ns() << " ns";
  } else if constexpr (std::integral<T>) {
    out << +value;
  } else if constexpr (std::is_convertible_v<T, trunkyard::Bytes>) {
    const trunkyard::Bytes bytes = value;
    out << bytes.size() << " bytes";
    for (const std::uint8_t byte : bytes) {
      out << ' ' << std::hex << std::setw(2) << std::setfill('0') << +byte;
    }
  } else if constexpr (Printable<T>) {
    out << std::setprecision(17) << value;
  } else {
    out << "(no text form)";
  }
  return out.str();
}

template <typename Left, typename Right>
bool equal(const Left& left, const Right& right) {
  if constexpr (std::integral<Left> && std::integral<Right> && !std::is_same_v<Left, bool> &&
                !std::is_same_v<Right, bool>) {
    return std::cmp_equal(left, right);
  } else if constexpr (std::is_convertible_v<Left, trunkyard::Bytes> &&
                       std::is_convertible_v<Right, trunkyard::Bytes>) {
    const trunkyard::Bytes a = left;
    const trunkyard::Bytes b = right;
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
  } else {
    return left == right;
  }
}

template <typename Left, typename Right>
void check_equal(const Left& left, const Right& right, const char* text, const char* file,
                 int line) {
  if (equal(left, right)) return;
  fail(file, line,
       std::string(text) + "\n      is       " + show(left) + "\n      expected " + show(right));
}

/// Runs the registered tests; see harness.cc for the command line. @returns the exit code.
int run_all(int argc, char** argv);

}  // namespace test

#define TEST_JOIN_(left, right) left##right
#define TEST_JOIN(left, right) TEST_JOIN_(left, right)

/// Defines and registers a test. The name is a sentence about behaviour.
#define TEST(name)                                                           \
  static void TEST_JOIN(test_body_, __LINE__)();                             \
  static const ::test::Registration TEST_JOIN(test_registration_, __LINE__)( \
      name, __FILE__, &TEST_JOIN(test_body_, __LINE__));                     \
  static void TEST_JOIN(test_body_, __LINE__)()

/// `actual == expected`, integers compared by value whatever their signedness.
#define CHECK_EQ(actual, expected) \
  ::test::check_equal((actual), (expected), #actual " == " #expected, __FILE__, __LINE__)
#define CHECK_TRUE(condition)                                                    \
  do {                                                                           \
    if (!(condition)) ::test::fail(__FILE__, __LINE__, "not true: " #condition); \
  } while (false)
#define CHECK_FALSE(condition)                                                 \
  do {                                                                         \
    if (condition) ::test::fail(__FILE__, __LINE__, "not false: " #condition); \
  } while (false)
/// As CHECK_TRUE, but the rest of the test (or helper) makes no sense without it.
#define REQUIRE(condition)                                       \
  do {                                                           \
    if (!(condition)) {                                          \
      ::test::fail(__FILE__, __LINE__, "required: " #condition); \
      return;                                                    \
    }                                                            \
  } while (false)
/// The whole program is expected to abort when `statement` runs (in a child process).
#define CHECK_ABORTS(statement)                                       \
  do {                                                                \
    if (!::test::aborts([&] { statement; })) {                        \
      ::test::fail(__FILE__, __LINE__, "did not abort: " #statement); \
    }                                                                 \
  } while (false)

namespace test {

bool in_child_aborts(void (*body)(void*), void* context);

/// Whether `body` ends a forked copy of this process by abort(). Not for tests that run threads.
template <typename Function>
bool aborts(Function&& body) {
  return in_child_aborts([](void* context) { (*static_cast<Function*>(context))(); },
                         const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace test
