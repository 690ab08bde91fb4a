// The encoder's setting from both sides' wishes, as tables.
#include "codec/opus_policy.h"

#include "base/prng.h"
#include "codec/opus.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

TEST("sends 20 ms of full band at 32 kbit/s, without FEC or DTX, to a far side that says nothing") {
  const OpusPolicy policy = opus_policy({}, {});
  CHECK_EQ(policy.rate_hz, 48'000u);
  CHECK_EQ(policy.frame_ms, 20u);
  CHECK_TRUE(policy.bandwidth_max == OpusBandwidth::kFull);
  CHECK_EQ(policy.bitrate_bps, 32'000u);
  CHECK_EQ(policy.complexity, 5u);
  CHECK_EQ(policy.loss_percent, 0u);
  CHECK_FALSE(policy.fec || policy.dtx || policy.cbr);
}

TEST("encodes at 8 kHz for a source of telephone quality, whatever the far side can hear") {
  const OpusPolicy policy = opus_policy({}, {.source_rate_hz = 8'000});
  CHECK_EQ(policy.rate_hz, 8'000u);
  CHECK_TRUE(policy.bandwidth_max == OpusBandwidth::kNarrow);
  CHECK_EQ(policy.bitrate_bps, 16'000u);
}

TEST("takes the widest band that maxplaybackrate lets be heard") {
  struct Case {
    std::uint32_t playback_rate_hz;
    std::uint32_t rate_hz;
    OpusBandwidth bandwidth;
  };
  for (const Case& expected : {Case{0, 8'000, OpusBandwidth::kNarrow},
                               {8'000, 8'000, OpusBandwidth::kNarrow},
                               {11'999, 8'000, OpusBandwidth::kNarrow},
                               {12'000, 16'000, OpusBandwidth::kMedium},
                               {16'000, 16'000, OpusBandwidth::kWide},
                               {24'000, 48'000, OpusBandwidth::kSuperWide},
                               {44'100, 48'000, OpusBandwidth::kSuperWide},
                               {48'000, 48'000, OpusBandwidth::kFull},
                               {0xffff'ffff, 48'000, OpusBandwidth::kFull}}) {
    const OpusPolicy policy = opus_policy({.max_playback_rate_hz = expected.playback_rate_hz}, {});
    CHECK_EQ(policy.rate_hz, expected.rate_hz);
    CHECK_TRUE(policy.bandwidth_max == expected.bandwidth);
  }
}

TEST("stays within maxaveragebitrate, and within what either end of the range allows") {
  CHECK_EQ(opus_policy({.max_average_bitrate_bps = 20'000}, {}).bitrate_bps, 20'000u);
  CHECK_EQ(opus_policy({.max_average_bitrate_bps = 64'000}, {}).bitrate_bps, 32'000u);
  CHECK_EQ(opus_policy({.max_average_bitrate_bps = 0}, {}).bitrate_bps, kOpusBitrateBpsMin);
  CHECK_EQ(opus_policy({}, {.bitrate_bps = 64'000}).bitrate_bps, 64'000u);
  CHECK_EQ(opus_policy({}, {.bitrate_bps = 1}).bitrate_bps, kOpusBitrateBpsMin);
  CHECK_EQ(opus_policy({}, {.bitrate_bps = 510'000}).bitrate_bps, kOpusVoiceBitrateBpsMax);
}

TEST("gives FEC and frames of 10 ms their own bits, unless the rate was wished for") {
  CHECK_EQ(opus_policy({.use_inband_fec = true}, {.source_rate_hz = 8'000}).bitrate_bps, 20'000u);
  CHECK_EQ(opus_policy({.ptime_ms = 10}, {.source_rate_hz = 8'000}).bitrate_bps, 20'000u);
  CHECK_EQ(opus_policy({.ptime_ms = 10, .use_inband_fec = true}, {}).bitrate_bps, 40'000u);
  CHECK_EQ(opus_policy({.use_inband_fec = true}, {.bitrate_bps = 12'000}).bitrate_bps, 12'000u);
}

TEST("sends the frame that ptime asks for, or the next shorter one that Opus has") {
  struct Case {
    std::uint32_t ptime_ms, frame_ms;
  };
  for (const Case& expected : {Case{0, 10},
                               {5, 10},
                               {10, 10},
                               {20, 20},
                               {30, 20},
                               {40, 40},
                               {50, 40},
                               {60, 60},
                               {120, 60}}) {
    CHECK_EQ(opus_policy({.ptime_ms = expected.ptime_ms}, {}).frame_ms, expected.frame_ms);
  }
}

TEST("keeps the frame within minptime and maxptime, the latter first") {
  CHECK_EQ(opus_policy({.ptime_ms = 20, .min_ptime_ms = 10}, {}).frame_ms, 20u);
  CHECK_EQ(opus_policy({.ptime_ms = 10, .min_ptime_ms = 20}, {}).frame_ms, 20u);
  CHECK_EQ(opus_policy({.ptime_ms = 20, .min_ptime_ms = 30}, {}).frame_ms, 40u);
  CHECK_EQ(opus_policy({.ptime_ms = 60, .max_ptime_ms = 30}, {}).frame_ms, 20u);
  CHECK_EQ(opus_policy({.min_ptime_ms = 50, .max_ptime_ms = 40}, {}).frame_ms, 40u);
  CHECK_EQ(opus_policy({.max_ptime_ms = 5}, {}).frame_ms, 10u);
}

TEST("uses FEC, DTX and constant rate only where the far side wants them") {
  CHECK_EQ(opus_policy({.use_inband_fec = true}, {.loss_percent = 10}).loss_percent, 10u);
  CHECK_TRUE(opus_policy({.use_inband_fec = true}, {}).fec);
  CHECK_EQ(opus_policy({}, {.loss_percent = 10}).loss_percent, 0u);
  CHECK_TRUE(opus_policy({.use_dtx = true}, {}).dtx);
  CHECK_FALSE(opus_policy({.use_dtx = true}, {.dtx_allowed = false}).dtx);
  CHECK_FALSE(opus_policy({}, {.dtx_allowed = true}).dtx);
  CHECK_TRUE(opus_policy({.cbr = true}, {}).cbr);
}

TEST("makes a policy that the encoder takes out of any numbers") {
  Prng prng(7'587);
  const auto number = [&] { return prng.next_u32() >> prng.below(32); };
  static constexpr std::uint32_t kRates[] = {8'000, 16'000, 48'000};
  for (int round = 0; round < 2'000; ++round) {
    const OpusFmtp far = {.max_playback_rate_hz = number(),
                          .max_average_bitrate_bps = number(),
                          .ptime_ms = number(),
                          .min_ptime_ms = number(),
                          .max_ptime_ms = number(),
                          .use_inband_fec = prng.below(2) == 1,
                          .use_dtx = prng.below(2) == 1,
                          .cbr = prng.below(2) == 1};
    const OpusWishes wishes = {.source_rate_hz = kRates[prng.below(3)],
                               .bitrate_bps = number(),
                               .complexity = number(),
                               .loss_percent = number()};
    CHECK_TRUE(OpusEncoder::open(opus_policy(far, wishes)).ok());
  }
}

TEST("is made simpler step by step, and with FEC no simpler than FEC bears") {
  OpusPolicy policy{.complexity = 5};
  CHECK_EQ(relieved_complexity(policy, 0), 5u);
  CHECK_EQ(relieved_complexity(policy, 3), 2u);
  CHECK_EQ(relieved_complexity(policy, 9), 0u);
  policy.fec = true;
  CHECK_EQ(relieved_complexity(policy, 3), 2u);
  CHECK_EQ(relieved_complexity(policy, 9), 2u);
  policy.complexity = 1;
  CHECK_EQ(relieved_complexity(policy, 9), 1u);
}

}  // namespace
