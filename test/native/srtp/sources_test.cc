// Index estimation against RFC 3711's own words, and the bounded table of sources.
#include "srtp/sources.h"

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using rtp::Ssrc;

/// Appendix A, as written there; the rollover counter before the first period is none.
std::optional<std::uint64_t> estimate_by_the_book(std::uint64_t highest, std::uint32_t sequence) {
  const std::uint32_t last = highest & 0xffff;
  std::int64_t rollover = static_cast<std::int64_t>(highest >> 16);
  if (last < 32'768) {
    if (static_cast<std::int64_t>(sequence) - last > 32'768) rollover -= 1;
  } else if (static_cast<std::int64_t>(last) - 32'768 > sequence) {
    rollover += 1;
  }
  if (rollover < 0) return std::nullopt;
  return static_cast<std::uint64_t>(rollover) << 16 | sequence;
}

TEST("finds the index as appendix A of RFC 3711 does, for every distance at every kind of place") {
  for (const std::uint64_t highest :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{32'767}, std::uint64_t{32'768},
        std::uint64_t{65'535}, std::uint64_t{65'536}, std::uint64_t{65'536 + 32'768},
        rtp_index(7, 12'345), rtp_index(0xffff'ffff, 1), rtp_index(0xffff'ffff, 65'535)}) {
    for (std::uint32_t sequence = 0; sequence < 65'536; ++sequence) {
      const auto found = estimate_index(highest, static_cast<std::uint16_t>(sequence));
      if (found != estimate_by_the_book(highest, sequence)) {
        CHECK_EQ(found.value_or(~0ull), estimate_by_the_book(highest, sequence).value_or(~0ull));
      }
    }
  }
}

TEST("the wrap counts up, a late packet from before it counts down") {
  CHECK_EQ(estimate_index(65'535, 0).value(), 65'536u);
  CHECK_EQ(estimate_index(65'536 + 3, 65'534).value(), 65'534u);
  CHECK_FALSE(estimate_index(3, 65'534).has_value());
}

TEST("behind the last rollover period there is no index") {
  CHECK_EQ(estimate_index(rtp_index(0xffff'ffff, 65'535), 0).value(), kRtpIndexEnd);
}

TEST("a source is found again, whichever was asked for last") {
  SourceTable table;
  for (std::uint32_t number = 0; number < 10; ++number) {
    table.add(static_cast<Ssrc>(number)).rtcp_next = number;
  }
  Prng prng(1);
  for (int round = 0; round < 100; ++round) {
    const std::uint32_t number = prng.below(12);
    const Source* source = table.find(static_cast<Ssrc>(number));
    CHECK_EQ(source != nullptr, number < 10);
    if (source != nullptr) CHECK_EQ(source->rtcp_next, number);
  }
}

TEST("a full table takes no other source as long as all have been met") {
  SourceTable table;
  for (std::uint32_t number = 0; number < kSrtpSourcesMax; ++number) {
    CHECK_TRUE(table.has_room());
    table.add(static_cast<Ssrc>(number)).rtp.mark(1);
  }
  CHECK_FALSE(table.has_room());
  CHECK_TRUE(table.find(static_cast<Ssrc>(0)) != nullptr);
}

TEST("in a full table a source that the new key has never met gives way") {
  SourceTable table;
  for (std::uint32_t number = 0; number < kSrtpSourcesMax; ++number) {
    Source& source = table.add(static_cast<Ssrc>(number));
    if (number != 5) source.rtcp.mark(1);
  }
  CHECK_TRUE(table.has_room());
  table.add(static_cast<Ssrc>(1'000)).rtp.mark(1);
  CHECK_FALSE(table.has_room());
  CHECK_TRUE(table.find(static_cast<Ssrc>(5)) == nullptr);
  CHECK_TRUE(table.find(static_cast<Ssrc>(1'000)) != nullptr);
  CHECK_EQ(table.size(), kSrtpSourcesMax);
}

}  // namespace
