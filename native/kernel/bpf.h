// The bpf(2) system call: maps, programs, links. Whatever is made here dies with its descriptor;
// nothing is pinned, so a process that is killed leaves nothing behind in the kernel.
//
// No libbpf: three commands of one system call are all that is needed, and the programs touch
// nothing but the kernel's stable interface.
#pragma once

#include <net/if.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "io/file.h"
#include "kernel/assembler.h"

namespace trunkyard::kernel {

/// What stood in the way, in the system's own words: for an operator, not for programs to act on.
struct Obstacle {
  /// The call that failed, such as "bpf(BPF_PROG_LOAD)". Points to a constant.
  const char* step = "";
  /// Its errno.
  int error = 0;
  /// The network interface it was about; empty when none.
  std::array<char, IF_NAMESIZE> interface = {};

  [[nodiscard]] bool none() const noexcept { return error == 0; }
};

/// A sentence: the call, the error, and what to do about it where that is known.
[[nodiscard]] std::string describe(const Obstacle& obstacle);

/// A table of fixed capacity, keys to values. Its memory is taken at once.
/// @returns kSystemCallFailed with `obstacle` set.
[[nodiscard]] Result<io::File> create_hash_map(const char* name, std::uint32_t key_bytes,
                                               std::uint32_t value_bytes, std::uint32_t entries,
                                               Obstacle& obstacle) noexcept;
/// An array that programs and this process share; see SharedArray.
[[nodiscard]] Result<io::File> create_shared_array(const char* name, std::uint32_t value_bytes,
                                                   std::uint32_t entries,
                                                   Obstacle& obstacle) noexcept;

/// Adds a key that must not be there yet. Sizes are those of the map.
/// @returns kSystemCallFailed with `obstacle` set; error EEXIST when it is there, E2BIG when full.
[[nodiscard]] Result<void> map_insert(int map, Bytes key, Bytes value, Obstacle& obstacle) noexcept;
/// @returns kSystemCallFailed with `obstacle` set; error ENOENT when there is no such key.
[[nodiscard]] Result<void> map_erase(int map, Bytes key, Obstacle& obstacle) noexcept;

/// Has the kernel verify and compile a program for packets that come in (tc). Its stack, registers
/// and verdicts are those of linux/bpf.h, `struct __sk_buff` being its argument.
/// @returns kSystemCallFailed with `obstacle` set: EPERM without the capabilities, EACCES or EINVAL
///          when the verifier refuses.
[[nodiscard]] Result<io::File> load_ingress_program(std::span<const Instruction> program,
                                                    const char* name, Obstacle& obstacle) noexcept;
/// Puts a program on an interface's way in, after those that are there (tcx, Linux 6.6). It stays
/// until the returned descriptor is closed.
/// @returns kSystemCallFailed with `obstacle` set.
[[nodiscard]] Result<io::File> attach_ingress(int program, std::uint32_t interface_index,
                                              Obstacle& obstacle) noexcept;

/// A shared array's memory in this process. What one side writes the other sees, without a call.
class SharedArray {
 public:
  SharedArray() noexcept = default;
  /// @param map of create_shared_array, of that shape. @returns kSystemCallFailed.
  [[nodiscard]] static Result<SharedArray> map(int map, std::size_t bytes,
                                               Obstacle& obstacle) noexcept;
  SharedArray(SharedArray&& other) noexcept;
  SharedArray& operator=(SharedArray&& other) noexcept;
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;
  ~SharedArray();

  [[nodiscard]] MutableBytes bytes() const noexcept { return bytes_; }

 private:
  explicit SharedArray(MutableBytes bytes) noexcept : bytes_(bytes) {}
  void unmap() noexcept;
  MutableBytes bytes_;
};

}  // namespace trunkyard::kernel
