#include "kernel/assembler.h"

#include <limits>

namespace trunkyard::kernel {

namespace {

// Parts of an opcode (RFC 9669 §3): the class in the lower 3 bits; then, for memory, width and
// mode; for arithmetic and jumps, whether the second operand is a register, and the operation.
constexpr std::uint8_t kClassLoad = 0x00;
constexpr std::uint8_t kClassLoadReg = 0x01;
constexpr std::uint8_t kClassStore = 0x02;
constexpr std::uint8_t kClassStoreReg = 0x03;
constexpr std::uint8_t kClassJump = 0x05;
constexpr std::uint8_t kClassJump32 = 0x06;
constexpr std::uint8_t kModeMemory = 0x60;
constexpr std::uint8_t kModeAtomic = 0xc0;
constexpr std::uint8_t kSourceRegister = 0x08;
constexpr std::uint8_t kOpNegate = 0x80;
constexpr std::uint8_t kOpByteOrder = 0xd0;
constexpr std::uint8_t kToBigEndian = 0x08;
constexpr std::uint8_t kJumpAlways = 0x00;
constexpr std::uint8_t kJumpCall = 0x80;
constexpr std::uint8_t kJumpExit = 0x90;
constexpr std::int32_t kAtomicFetchAdd = 0x01;
constexpr std::int32_t kAtomicCompareExchange = 0xf1;
/// In place of a source register: the immediate is a map's descriptor (BPF_PSEUDO_MAP_FD).
constexpr Reg kSourceIsMap = Reg::r1;

constexpr std::uint8_t bits(Width width) {
  return static_cast<std::uint8_t>(width);
}
constexpr std::uint8_t bits(Op op) {
  return static_cast<std::uint8_t>(op);
}
constexpr std::uint8_t bits(Test test) {
  return static_cast<std::uint8_t>(test);
}
constexpr std::uint64_t bits(Reg reg) {
  return static_cast<std::uint64_t>(reg);
}
constexpr std::uint8_t opcode(std::uint8_t a, std::uint8_t b, std::uint8_t c = 0) {
  return static_cast<std::uint8_t>(a | b | c);
}

constexpr int kOffsetShift = 16;

}  // namespace

void Assembler::emit(const Fields& fields) noexcept {
  if (size_ == kInstructionsMax) {
    full_ = true;
    return;
  }
  code_[size_] = fields.opcode | bits(fields.target) << 8 | bits(fields.source) << 12 |
                 std::uint64_t{static_cast<std::uint16_t>(fields.offset)} << kOffsetShift |
                 std::uint64_t{static_cast<std::uint32_t>(fields.value)} << 32;
  ++size_;
}

Assembler::Label Assembler::label() noexcept {
  if (label_count_ == kLabelsMax) {
    full_ = true;
    return {0};
  }
  bound_at_[label_count_] = kUnbound;
  return {label_count_++};
}

void Assembler::bind(Label label) noexcept {
  if (label.index >= label_count_ || bound_at_[label.index] != kUnbound) {
    mislabelled_ = true;
    return;
  }
  bound_at_[label.index] = size_;
}

void Assembler::arithmetic(std::uint8_t width, Op op, Reg target, Reg source) noexcept {
  emit({.opcode = opcode(width, kSourceRegister, bits(op)), .target = target, .source = source});
}

void Assembler::arithmetic(std::uint8_t width, Op op, Reg target, std::int32_t value) noexcept {
  emit({.opcode = opcode(width, bits(op)), .target = target, .value = value});
}

void Assembler::negate(Reg target) noexcept {
  emit({.opcode = opcode(kAlu64, kOpNegate), .target = target});
}

void Assembler::from_network(Reg target, std::int32_t width_bits) noexcept {
  emit({.opcode = opcode(kAlu32, kOpByteOrder, kToBigEndian),
        .target = target,
        .value = width_bits});
}

void Assembler::load(Width width, Reg target, At from) noexcept {
  emit({.opcode = opcode(kClassLoadReg, kModeMemory, bits(width)),
        .target = target,
        .source = from.base,
        .offset = from.offset});
}

void Assembler::store(Width width, At to, Reg source) noexcept {
  emit({.opcode = opcode(kClassStoreReg, kModeMemory, bits(width)),
        .target = to.base,
        .source = source,
        .offset = to.offset});
}

void Assembler::store(Width width, At to, std::int32_t value) noexcept {
  emit({.opcode = opcode(kClassStore, kModeMemory, bits(width)),
        .target = to.base,
        .offset = to.offset,
        .value = value});
}

void Assembler::load_map(Reg target, int descriptor) noexcept {
  emit({.opcode = opcode(kClassLoad, bits(Width::k64)),
        .target = target,
        .source = kSourceIsMap,
        .value = descriptor});
  emit({.opcode = 0});
}

void Assembler::compare_exchange32(At there, Reg source) noexcept {
  emit({.opcode = opcode(kClassStoreReg, kModeAtomic, bits(Width::k32)),
        .target = there.base,
        .source = source,
        .offset = there.offset,
        .value = kAtomicCompareExchange});
}

void Assembler::fetch_add32(At there, Reg source) noexcept {
  emit({.opcode = opcode(kClassStoreReg, kModeAtomic, bits(Width::k32)),
        .target = there.base,
        .source = source,
        .offset = there.offset,
        .value = kAtomicFetchAdd});
}

void Assembler::emit_jump(const Fields& fields, Label to) noexcept {
  if (jump_count_ == kJumpsMax) {
    full_ = true;
    return;
  }
  jumps_[jump_count_] = {size_, to.index};
  ++jump_count_;
  emit(fields);
}

void Assembler::jump(Label to) noexcept {
  emit_jump({.opcode = opcode(kClassJump, kJumpAlways)}, to);
}

void Assembler::jump_if(Reg left, Test test, Reg right, Label to) noexcept {
  emit_jump(
      {.opcode = opcode(kClassJump, kSourceRegister, bits(test)), .target = left, .source = right},
      to);
}

void Assembler::jump_if(Reg left, Test test, std::int32_t right, Label to) noexcept {
  emit_jump({.opcode = opcode(kClassJump, bits(test)), .target = left, .value = right}, to);
}

void Assembler::jump_if32(Reg left, Test test, Reg right, Label to) noexcept {
  emit_jump({.opcode = opcode(kClassJump32, kSourceRegister, bits(test)),
             .target = left,
             .source = right},
            to);
}

void Assembler::call(Helper helper) noexcept {
  emit({.opcode = opcode(kClassJump, kJumpCall), .value = static_cast<std::int32_t>(helper)});
}

void Assembler::exit() noexcept {
  emit({.opcode = opcode(kClassJump, kJumpExit)});
}

Result<std::span<const Instruction>> Assembler::finish() noexcept {
  if (full_) return Error{ErrorCode::kBufferFull};
  if (mislabelled_) return Error{ErrorCode::kOrderInvalid};
  for (const Jump& jump : std::span(jumps_).first(jump_count_)) {
    if (jump.label >= label_count_ || bound_at_[jump.label] == kUnbound) {
      return Error{ErrorCode::kOrderInvalid};
    }
    // Counted from the instruction after the jump. A whole program is shorter than 16 bits reach.
    static_assert(kInstructionsMax <= std::numeric_limits<std::int16_t>::max());
    const auto distance = static_cast<std::uint16_t>(bound_at_[jump.label] - jump.at - 1);
    code_[jump.at] |= std::uint64_t{distance} << kOffsetShift;
  }
  return std::span<const Instruction>(code_).first(size_);
}

}  // namespace trunkyard::kernel
