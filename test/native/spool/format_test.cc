// What each payload kind is made of, and that its numbers are those of the waist.
#include "spool/format.h"

#include <array>
#include <fstream>
#include <iterator>
#include <string>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::spool;

TEST("payload kinds have the numbers of the contract") {
  std::ifstream file(std::string(TRUNKYARD_ROOT) + "/native/binding/contract.json");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t list = text.find("\"payloadKind\"");
  REQUIRE(list != std::string::npos);
  std::size_t at = text.find('[', list);
  const std::array<const char*, kPayloadKinds> names{"pcmu", "pcma", "g722", "l16", "opus"};
  const std::array<PayloadKind, kPayloadKinds> kinds{PayloadKind::kPcmu, PayloadKind::kPcma,
                                                     PayloadKind::kG722, PayloadKind::kPcm16,
                                                     PayloadKind::kOpus};
  for (std::size_t index = 0; index < names.size(); ++index) {
    const std::size_t start = text.find('"', at) + 1;
    const std::size_t stop = text.find('"', start);
    CHECK_EQ(text.substr(start, stop - start), std::string(names[index]));
    CHECK_EQ(static_cast<std::size_t>(kinds[index]), index);
    at = stop + 1;
  }
}

TEST("a format is valid at its codec's rate, with one or two channels") {
  struct Case {
    PayloadKind kind;
    std::array<bool, 4> rates;  // 8,000, 16,000, 44,100 and 48,000
  };
  const std::array<std::uint32_t, 4> rates{8'000, 16'000, 44'100, 48'000};
  for (const Case& expected : {Case{PayloadKind::kPcmu, {true, false, false, false}},
                               Case{PayloadKind::kPcma, {true, false, false, false}},
                               Case{PayloadKind::kG722, {false, true, false, false}},
                               Case{PayloadKind::kPcm16, {true, true, false, true}},
                               Case{PayloadKind::kOpus, {false, false, false, true}}}) {
    for (std::size_t index = 0; index < rates.size(); ++index) {
      const MediaFormat format{.kind = expected.kind, .rate_hz = rates[index]};
      CHECK_EQ(format.is_valid(), expected.rates[index]);
    }
  }
  CHECK_FALSE(MediaFormat{.channel_count = 0}.is_valid());
  CHECK_TRUE(MediaFormat{.channel_count = 2}.is_valid());
  CHECK_FALSE(MediaFormat{.channel_count = 3}.is_valid());
}

TEST("samples and bytes are told from each other") {
  constexpr MediaFormat kPcm{.kind = PayloadKind::kPcm16, .rate_hz = 16'000};
  CHECK_EQ(kPcm.samples_of_ms(20), 320u);
  CHECK_EQ(kPcm.bytes_of(320), 640u);
  CHECK_EQ(kPcm.samples_of_bytes(641), 320u);
  constexpr MediaFormat kG722{.kind = PayloadKind::kG722, .rate_hz = 16'000};
  CHECK_EQ(kG722.bytes_of(320), 160u);
  CHECK_EQ(kG722.samples_of_bytes(160), 320u);
  constexpr MediaFormat kOpus{.kind = PayloadKind::kOpus, .rate_hz = 48'000};
  CHECK_EQ(kOpus.bytes_of(960), 0u);
  CHECK_EQ(kOpus.samples_of_bytes(100), 0u);
}

}  // namespace
