// Assembler: writes eBPF programs (RFC 9669) instruction by instruction. It knows encodings and
// labels and nothing of what a program is for; whether a program is safe is the kernel verifier's
// business. Everything that can be got wrong here (a label bound twice or never, a program
// too long) is noticed and told once, by finish().
//
// An instruction is 64 bits, little-endian:
//
//   | opcode 8 | target 4 | source 4 | offset 16 | immediate 32 |
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace trunkyard::kernel {

using Instruction = std::uint64_t;

/// Far below the kernel's own limit; our program is some 300 long.
inline constexpr std::uint32_t kInstructionsMax = 512;
inline constexpr std::uint32_t kLabelsMax = 32;
inline constexpr std::uint32_t kJumpsMax = 128;

/// r0 holds results, r1 to r5 arguments (lost in a call), r6 to r9 survive calls, r10 is the read-
/// only end of the stack, which grows downwards: its 512 bytes are at r10 - 512 to r10 - 1.
enum class Reg : std::uint8_t { r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 };

/// The bits of the opcode that say how wide a memory access is.
enum class Width : std::uint8_t { k32 = 0x00, k16 = 0x08, k8 = 0x10, k64 = 0x18 };

enum class Op : std::uint8_t {
  kAdd = 0x00,
  kSubtract = 0x10,
  kMultiply = 0x20,
  kDivide = 0x30,  ///< unsigned; by 0 gives 0
  kOr = 0x40,
  kAnd = 0x50,
  kShiftLeft = 0x60,
  kShiftRight = 0x70,
  kXor = 0xa0,
  kMove = 0xb0,
  kShiftRightSigned = 0xc0,
};

/// Unsigned unless it says signed.
enum class Test : std::uint8_t {
  kEqual = 0x10,
  kGreater = 0x20,
  kGreaterOrEqual = 0x30,
  kAnyBit = 0x40,  ///< (left & right) != 0
  kNotEqual = 0x50,
  kSignedGreaterOrEqual = 0x70,
  kLess = 0xa0,
  kLessOrEqual = 0xb0,
};

/// Functions of the kernel, by their numbers in linux/bpf.h. Named here because the header of the
/// machine that compiles may be older than the kernel that runs.
enum class Helper : std::int32_t {
  kMapLookup = 1,
  kMonotonicNs = 5,  ///< bpf_ktime_get_ns: CLOCK_MONOTONIC, as io::now()
  kStoreBytes = 9,
  kReplaceChecksum = 11,  ///< bpf_l4_csum_replace
  kPullData = 39,
  kRedirectNeighbour = 152,
};

/// A place in memory: a register that holds an address, and a distance in bytes.
struct At {
  Reg base;
  std::int16_t offset;
};

class Assembler {
 public:
  /// A place to jump to; bind() says where it is, before or after the jumps.
  struct Label {
    std::uint32_t index;
  };
  [[nodiscard]] Label label() noexcept;
  void bind(Label label) noexcept;

  // 64-bit arithmetic, and the 32-bit form, which clears the upper half of the target.
  void alu(Op op, Reg target, Reg source) noexcept { arithmetic(kAlu64, op, target, source); }
  void alu(Op op, Reg target, std::int32_t value) noexcept {
    arithmetic(kAlu64, op, target, value);
  }
  void alu32(Op op, Reg target, Reg source) noexcept { arithmetic(kAlu32, op, target, source); }
  void alu32(Op op, Reg target, std::int32_t value) noexcept {
    arithmetic(kAlu32, op, target, value);
  }
  void move(Reg target, Reg source) noexcept { alu(Op::kMove, target, source); }
  void move(Reg target, std::int32_t value) noexcept { alu(Op::kMove, target, value); }
  void negate(Reg target) noexcept;
  /// From network to host order (or back), the upper bits cleared. @param bits 16, 32 or 64.
  void from_network(Reg target, std::int32_t bits) noexcept;

  void load(Width width, Reg target, At from) noexcept;
  void store(Width width, At to, Reg source) noexcept;
  void store(Width width, At to, std::int32_t value) noexcept;
  /// The address of a map, by its descriptor. Two instructions long.
  void load_map(Reg target, int descriptor) noexcept;

  /// If the 32 bits there equal r0, `source` takes their place; r0 gets what was there. Orders all
  /// memory accesses, as the next one does.
  void compare_exchange32(At there, Reg source) noexcept;
  /// Adds to the 32 bits there; `source` gets what was there.
  void fetch_add32(At there, Reg source) noexcept;

  void jump(Label to) noexcept;
  void jump_if(Reg left, Test test, Reg right, Label to) noexcept;
  void jump_if(Reg left, Test test, std::int32_t right, Label to) noexcept;
  /// Compares the lower 32 bits only.
  void jump_if32(Reg left, Test test, Reg right, Label to) noexcept;
  void call(Helper helper) noexcept;
  /// Ends the program with r0 as its verdict.
  void exit() noexcept;

  /// Fills in the jumps. Call once, last.
  /// @returns the program, which lives as long as the assembler; kBufferFull when it did not fit,
  ///          kOrderInvalid when a label was never bound or bound twice.
  [[nodiscard]] Result<std::span<const Instruction>> finish() noexcept;

 private:
  static constexpr std::uint8_t kAlu32 = 0x04;
  static constexpr std::uint8_t kAlu64 = 0x07;
  static constexpr std::uint32_t kUnbound = 0xffff'ffff;

  struct Fields {
    std::uint8_t opcode;
    Reg target = Reg::r0;
    Reg source = Reg::r0;
    std::int16_t offset = 0;
    std::int32_t value = 0;
  };
  struct Jump {
    std::uint32_t at;
    std::uint32_t label;
  };

  void emit(const Fields& fields) noexcept;
  void emit_jump(const Fields& fields, Label to) noexcept;
  void arithmetic(std::uint8_t width, Op op, Reg target, Reg source) noexcept;
  void arithmetic(std::uint8_t width, Op op, Reg target, std::int32_t value) noexcept;

  std::array<Instruction, kInstructionsMax> code_ = {};
  std::array<std::uint32_t, kLabelsMax> bound_at_ = {};
  std::array<Jump, kJumpsMax> jumps_ = {};
  std::uint32_t size_ = 0;
  std::uint32_t label_count_ = 0;
  std::uint32_t jump_count_ = 0;
  bool full_ = false;
  bool mislabelled_ = false;
};

}  // namespace trunkyard::kernel
