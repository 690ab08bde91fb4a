// Result and CHECK.
#include "base/result.h"

#include <memory>

#include "native/harness.h"

namespace {

using trunkyard::Error;
using trunkyard::ErrorCode;
using trunkyard::Result;

Result<int> half(int number) {
  if (number % 2 != 0) return Error{ErrorCode::kOrderInvalid};
  return number / 2;
}

TEST("holds the value or the code") {
  const Result<int> four = half(8);
  CHECK_TRUE(four.ok());
  CHECK_EQ(*four, 4);
  CHECK_EQ(four.code(), ErrorCode::kOk);
  const Result<int> none = half(7);
  CHECK_FALSE(static_cast<bool>(none));
  CHECK_EQ(none.error(), ErrorCode::kOrderInvalid);
}

TEST("carries what can only be moved") {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(result).value();
  CHECK_EQ(*taken, 5);
}

TEST("destroys its value once") {
  struct Counted {
    explicit Counted(int& count) : count(&count) {}
    Counted(Counted&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
    ~Counted() {
      if (count != nullptr) ++*count;
    }
    int* count;
  };
  int destroyed = 0;
  {
    Result<Counted> first{Counted{destroyed}};
    const Result<Counted> second{std::move(first)};
    CHECK_EQ(destroyed, 0);
  }
  CHECK_EQ(destroyed, 1);
}

TEST("a step without a value succeeds or names its code") {
  const Result<void> done;
  CHECK_TRUE(done.ok());
  const Result<void> failed = Error{ErrorCode::kRingFull};
  CHECK_EQ(failed.error(), ErrorCode::kRingFull);
}

TEST("reading the side that is not there aborts") {
  const Result<int> none = half(1);
  const Result<int> some = half(2);
  CHECK_ABORTS((void)none.value());
  CHECK_ABORTS((void)some.error());
}

TEST("a failed CHECK aborts and a kept one does not") {
  CHECK_ABORTS(CHECK(1 + 1 == 3));
  CHECK(1 + 1 == 2);
}

}  // namespace
