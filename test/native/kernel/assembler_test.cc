// Encodings compared with those that RFC 9669 gives (and that llvm-mc prints); labels; refusals.
#include "kernel/assembler.h"

#include <initializer_list>
#include <memory>

#include "native/harness.h"

using namespace trunkyard;
using namespace trunkyard::kernel;

namespace {

template <typename Function>
std::uint64_t only_instruction(Function write) {
  auto code = std::make_unique<Assembler>();
  write(*code);
  const auto program = code->finish();
  return program && program->size() == 1 ? (*program)[0] : 0;
}

#define ENCODES(statement, expected) \
  CHECK_EQ(only_instruction([](Assembler& code) { code.statement; }), expected)

}  // namespace

TEST("arithmetic is encoded as the standard says") {
  ENCODES(move(Reg::r6, Reg::r1), 0x00000000'0000'16'bfull);
  ENCODES(move(Reg::r0, -1), 0xffffffff'0000'00'b7ull);
  ENCODES(alu(Op::kAdd, Reg::r2, -16), 0xfffffff0'0000'02'07ull);
  ENCODES(alu(Op::kAdd, Reg::r1, Reg::r2), 0x00000000'0000'21'0full);
  ENCODES(alu32(Op::kSubtract, Reg::r3, Reg::r4), 0x00000000'0000'43'1cull);
  ENCODES(alu32(Op::kAdd, Reg::r3, 5), 0x00000005'0000'03'04ull);
  ENCODES(alu(Op::kMultiply, Reg::r9, 7), 0x00000007'0000'09'27ull);
  ENCODES(alu(Op::kDivide, Reg::r4, 1'000'000'000), 0x3b9aca00'0000'04'37ull);
  ENCODES(alu(Op::kOr, Reg::r3, Reg::r9), 0x00000000'0000'93'4full);
  ENCODES(alu(Op::kAnd, Reg::r0, 0xffff), 0x0000ffff'0000'00'57ull);
  ENCODES(alu(Op::kShiftLeft, Reg::r2, 32), 0x00000020'0000'02'67ull);
  ENCODES(alu(Op::kShiftRight, Reg::r2, 16), 0x00000010'0000'02'77ull);
  ENCODES(alu(Op::kXor, Reg::r1, 0xffff), 0x0000ffff'0000'01'a7ull);
  ENCODES(alu(Op::kShiftRightSigned, Reg::r2, 32), 0x00000020'0000'02'c7ull);
  ENCODES(negate(Reg::r2), 0x00000000'0000'02'87ull);
  ENCODES(from_network(Reg::r3, 16), 0x00000010'0000'03'dcull);
  ENCODES(from_network(Reg::r3, 32), 0x00000020'0000'03'dcull);
}

TEST("loads and stores are encoded with their widths and signed offsets") {
  ENCODES(load(Width::k32, Reg::r7, {Reg::r6, 76}), 0x00000000'004c'67'61ull);
  ENCODES(load(Width::k16, Reg::r2, {Reg::r7, 16}), 0x00000000'0010'72'69ull);
  ENCODES(load(Width::k8, Reg::r0, {Reg::r7, 14}), 0x00000000'000e'70'71ull);
  ENCODES(load(Width::k64, Reg::r1, {Reg::r10, -16}), 0x00000000'fff0'a1'79ull);
  ENCODES(store(Width::k64, {Reg::r10, -8}, Reg::r3), 0x00000000'fff8'3a'7bull);
  ENCODES(store(Width::k32, {Reg::r10, -4}, Reg::r0), 0x00000000'fffc'0a'63ull);
  ENCODES(store(Width::k16, {Reg::r10, -2}, Reg::r0), 0x00000000'fffe'0a'6bull);
  ENCODES(store(Width::k8, {Reg::r10, -1}, Reg::r0), 0x00000000'ffff'0a'73ull);
  ENCODES(store(Width::k8, {Reg::r10, -1}, 64), 0x00000040'ffff'0a'72ull);
  ENCODES(store(Width::k32, {Reg::r7, 4}, 2), 0x00000002'0004'07'62ull);
}

TEST("atomic operations are encoded with their operation as the immediate") {
  ENCODES(compare_exchange32({Reg::r7, 0}, Reg::r2), 0x000000f1'0000'27'c3ull);
  ENCODES(fetch_add32({Reg::r7, 0}, Reg::r1), 0x00000001'0000'17'c3ull);
}

TEST("calls and the end are encoded") {
  ENCODES(call(Helper::kMapLookup), 0x00000001'0000'00'85ull);
  ENCODES(call(Helper::kRedirectNeighbour), 0x00000098'0000'00'85ull);
  ENCODES(exit(), 0x00000000'0000'00'95ull);
}

TEST("a map's address takes two instructions, the second empty") {
  Assembler code;
  code.load_map(Reg::r1, 5);
  const auto program = code.finish();
  REQUIRE(program.ok());
  CHECK_EQ(program->size(), 2u);
  CHECK_EQ((*program)[0], 0x00000005'0000'11'18ull);
  CHECK_EQ((*program)[1], 0u);
}

TEST("jumps forwards and backwards count from the instruction after them") {
  Assembler code;
  const Assembler::Label top = code.label();
  const Assembler::Label end = code.label();
  code.bind(top);
  code.jump_if(Reg::r0, trunkyard::kernel::Test::kEqual, 0, end);
  code.jump_if(Reg::r1, trunkyard::kernel::Test::kGreater, Reg::r2, top);
  code.jump_if32(Reg::r1, trunkyard::kernel::Test::kNotEqual, Reg::r2, end);
  code.jump(top);
  code.bind(end);
  code.exit();
  const auto program = code.finish();
  REQUIRE(program.ok());
  CHECK_EQ((*program)[0], 0x00000000'0003'00'15ull);
  CHECK_EQ((*program)[1], 0x00000000'fffe'21'2dull);
  CHECK_EQ((*program)[2], 0x00000000'0001'21'5eull);
  CHECK_EQ((*program)[3], 0x00000000'fffc'00'05ull);
}

TEST("each comparison has its own code") {
  using trunkyard::kernel::Test;
  struct Case {
    Test test;
    std::uint8_t opcode;
  };
  for (const auto& [test, opcode] : std::initializer_list<Case>{{Test::kEqual, 0x15},
                                                                {Test::kGreater, 0x25},
                                                                {Test::kGreaterOrEqual, 0x35},
                                                                {Test::kAnyBit, 0x45},
                                                                {Test::kNotEqual, 0x55},
                                                                {Test::kSignedGreaterOrEqual, 0x75},
                                                                {Test::kLess, 0xa5},
                                                                {Test::kLessOrEqual, 0xb5}}) {
    Assembler code;
    const Assembler::Label here = code.label();
    code.bind(here);
    code.jump_if(Reg::r0, test, 0, here);
    CHECK_EQ((*code.finish())[0] & 0xff, opcode);
  }
}

TEST("a label that is never bound, or bound twice, refuses the program") {
  Assembler unbound;
  unbound.jump(unbound.label());
  CHECK_TRUE(unbound.finish().code() == ErrorCode::kOrderInvalid);

  Assembler twice;
  const Assembler::Label label = twice.label();
  twice.bind(label);
  twice.exit();
  twice.bind(label);
  CHECK_TRUE(twice.finish().code() == ErrorCode::kOrderInvalid);

  Assembler foreign;
  foreign.bind({3});
  CHECK_TRUE(foreign.finish().code() == ErrorCode::kOrderInvalid);
}

TEST("a program, its labels and its jumps end at their bounds") {
  Assembler instructions;
  for (std::uint32_t index = 0; index < kInstructionsMax; ++index)
    instructions.exit();
  CHECK_TRUE(instructions.finish().ok());
  instructions.exit();
  CHECK_TRUE(instructions.finish().code() == ErrorCode::kBufferFull);

  Assembler labels;
  for (std::uint32_t index = 0; index <= kLabelsMax; ++index)
    (void)labels.label();
  CHECK_TRUE(labels.finish().code() == ErrorCode::kBufferFull);

  Assembler jumps;
  const Assembler::Label label = jumps.label();
  jumps.bind(label);
  for (std::uint32_t index = 0; index <= kJumpsMax; ++index)
    jumps.jump(label);
  CHECK_TRUE(jumps.finish().code() == ErrorCode::kBufferFull);
}
