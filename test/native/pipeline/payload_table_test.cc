// What payload types mean over one answer and the next.
#include "pipeline/payload_table.h"

#include <vector>

#include "native/pipeline/audio_rig.h"

namespace {

using namespace test;

Result<void> set_up(PayloadTable& table, const std::vector<ReceivablePayload>& payloads,
                    std::uint32_t rate_hz = 8'000) {
  return table.set_up({.payloads = payloads, .rate_hz = rate_hz, .isa = best_isa()});
}

TEST("knows what payload types mean, and no others") {
  PayloadTable table;
  for (int type = 0; type < 128; ++type)
    CHECK_TRUE(table.find(static_cast<std::uint8_t>(type)) == nullptr);
  REQUIRE(set_up(table,
                 {audio_payload(kPcmu), audio_payload(kOpus48),
                  payload_of(kWideEventType, PayloadRole::kTelephoneEvent, 48'000)},
                 16'000)
              .ok());
  CHECK_TRUE(table.find(0)->role == PayloadRole::kAudio);
  CHECK_TRUE(table.find(0)->codec->decoder.format() == kPcmu);
  CHECK_EQ(table.find(0)->codec->resampler->to_hz(), 16'000u);
  CHECK_EQ(table.find(0)->clock_rate_hz, 8'000u);
  CHECK_TRUE(table.find(111)->codec->decoder.format() == kOpus16);
  CHECK_TRUE(table.find(111)->codec->resampler == nullptr);
  CHECK_EQ(table.find(111)->clock_rate_hz, 48'000u);
  CHECK_TRUE(table.find(kWideEventType)->role == PayloadRole::kTelephoneEvent);
  CHECK_EQ(table.event_clock_hz(), 48'000u);
  CHECK_TRUE(table.find(8) == nullptr);
}

TEST(
    "says how much a millisecond of the densest codec has, Opus with the bits of a generous peer") {
  PayloadTable table;
  CHECK_EQ(table.bytes_per_ms(), 0u);
  REQUIRE(set_up(table, {audio_payload(kPcmu)}).ok());
  CHECK_EQ(table.bytes_per_ms(), 8u);
  REQUIRE(set_up(table, {audio_payload(kPcmu), audio_payload(kOpus8)}).ok());
  CHECK_EQ(table.bytes_per_ms(), 16u);
  REQUIRE(set_up(table, {audio_payload(kL16), audio_payload(kOpus8)}, 16'000).ok());
  CHECK_EQ(table.bytes_per_ms(), 32u);
}

TEST("keeps a decoder and its id over a new answer that gives it another number") {
  PayloadTable table;
  REQUIRE(set_up(table, {audio_payload(kPcmu), audio_payload(kG722)}).ok());
  const PayloadTable::Codec* g722 = table.find(9)->codec;
  const std::uint8_t id = g722->id;
  ReceivablePayload moved = audio_payload(kG722);
  moved.payload_type = 99;
  REQUIRE(set_up(table, {moved, audio_payload(kPcma)}).ok());
  CHECK_TRUE(table.find(99)->codec == g722);
  CHECK_TRUE(table.codec(id) == g722);
  CHECK_TRUE(table.find(0) == nullptr);
  CHECK_TRUE(table.find(9) == nullptr);
}

TEST("keeps an id for Opus when another rate needs another decoder") {
  PayloadTable table;
  REQUIRE(set_up(table, {audio_payload(kOpus8)}, 8'000).ok());
  const std::uint8_t id = table.find(111)->codec->id;
  REQUIRE(set_up(table, {audio_payload(kOpus8)}, 48'000).ok());
  CHECK_EQ(table.find(111)->codec->id, id);
  CHECK_EQ(table.find(111)->codec->decoder.format().rate_hz, 48'000u);
}

TEST("never gives the id of a codec that is gone to the next one") {
  PayloadTable table;
  REQUIRE(set_up(table, {audio_payload(kPcmu)}).ok());
  const std::uint8_t first = table.find(0)->codec->id;
  for (int turn = 0; turn < 600; ++turn) {
    const std::uint8_t last = table.find(turn % 2 == 0 ? 0 : 8)->codec->id;
    REQUIRE(set_up(table, {audio_payload(turn % 2 == 0 ? kPcma : kPcmu)}).ok());
    const std::uint8_t id = table.find(turn % 2 == 0 ? 8 : 0)->codec->id;
    CHECK_TRUE(id != PayloadTable::kNoCodec);
    CHECK_TRUE(id != last);
    CHECK_TRUE(table.codec(last) == nullptr);
  }
  CHECK_TRUE(first != PayloadTable::kNoCodec);
}

TEST("keeps a codec that is received no more for as long as it is asked to, at any rate") {
  PayloadTable table;
  REQUIRE(set_up(table, {audio_payload(kPcmu), audio_payload(kG722)}).ok());
  const std::uint8_t id = table.find(9)->codec->id;
  const std::vector<ReceivablePayload> pcma = {audio_payload(kPcma)};
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    REQUIRE(table.set_up({.payloads = pcma, .rate_hz = rate_hz, .kept_id = id, .isa = best_isa()})
                .ok());
    CHECK_TRUE(table.find(9) == nullptr);
    const PayloadTable::Codec* kept = table.codec(id);
    REQUIRE(kept != nullptr);
    CHECK_TRUE(kept->decoder.format() == kG722);
    CHECK_EQ(kept->resampler == nullptr, rate_hz == 16'000);
    if (kept->resampler) CHECK_EQ(kept->resampler->to_hz(), rate_hz);
  }
  CHECK_EQ(table.bytes_per_ms(), 8u);
  REQUIRE(set_up(table, pcma).ok());
  CHECK_TRUE(table.codec(id) == nullptr);
}

TEST("of one payload type given twice, the last counts") {
  PayloadTable table;
  ReceivablePayload twice = audio_payload(kPcma);
  twice.payload_type = 0;
  REQUIRE(set_up(table, {audio_payload(kPcmu), twice}).ok());
  CHECK_TRUE(table.find(0)->codec->decoder.format() == kPcma);
}

TEST("refuses what can't be, and then changes nothing") {
  PayloadTable table;
  REQUIRE(set_up(table, {audio_payload(kPcmu)}).ok());
  const auto is_refused = [&](const std::vector<ReceivablePayload>& payloads,
                              std::uint32_t rate_hz = 8'000) {
    const Result<void> answer = set_up(table, payloads, rate_hz);
    return answer.code() == ErrorCode::kConfigInvalid && table.find(0) != nullptr &&
           table.find(8) == nullptr;
  };
  CHECK_TRUE(is_refused({audio_payload(kPcma)}, 44'100));
  CHECK_TRUE(is_refused({audio_payload(kPcma), payload_of(128, PayloadRole::kAudio)}));
  CHECK_TRUE(is_refused({audio_payload({CodecKind::kPcma, 16'000})}));
  CHECK_TRUE(is_refused({audio_payload({CodecKind::kL16, 44'100})}));
  CHECK_TRUE(is_refused({payload_of(8, PayloadRole::kTelephoneEvent, 0)}));
  CHECK_TRUE(is_refused({payload_of(8, PayloadRole::kComfortNoise, 90'000)}));
  CHECK_TRUE(is_refused(std::vector<ReceivablePayload>(17, audio_payload(kPcma))));
}

}  // namespace
