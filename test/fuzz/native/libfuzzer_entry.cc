// Joins one target (FUZZ_TARGET, set by native/CMakeLists.txt) with libFuzzer's main.
#include "fuzz/native/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::FUZZ_TARGET(data, size);
}
