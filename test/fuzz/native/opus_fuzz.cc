// The Opus decoder: the input is a script of packets, losses and recoveries, so that its state is
// driven as a bad network and a bad sender together could. What must hold is the number of samples.
//
//   | rate | step | step | ...      step: | op | size of the packet, if any | packet |
#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/opus.h"
#include "fuzz/native/targets.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

/// One input decodes no more than this, or it would take too long.
constexpr std::uint32_t kStepsMax = 24;

void decode(OpusDecoder& decoder, const OpusPacket& packet) {
  PcmFrame pcm;
  std::size_t samples = 0;
  for (std::uint32_t frame = 0; frame < packet.frame_count();) {
    const Result<std::uint32_t> next = decoder.decode(packet, frame, pcm);
    if (!next.ok()) {
      CHECK(pcm.empty());
      return;
    }
    CHECK(*next > frame && *next <= packet.frame_count());
    CHECK(pcm.rate_hz() == decoder.rate_hz());
    CHECK(pcm.size() == (*next - frame) * packet.samples_per_frame(decoder.rate_hz()));
    frame = *next;
    samples += pcm.size();
  }
  CHECK(samples == packet.samples(decoder.rate_hz()));
}

void conceal(OpusDecoder& decoder, std::size_t samples) {
  PcmFrame pcm;
  const Result<void> concealed = decoder.conceal(samples, pcm);
  CHECK(pcm.size() == (concealed.ok() ? samples : 0));
}

void recover(OpusDecoder& decoder, const OpusPacket& next, std::size_t samples) {
  PcmFrame pcm;
  const Result<OpusRecovery> recovered = decoder.recover(next, samples, pcm);
  CHECK(pcm.size() == (recovered.ok() ? samples : 0));
}

}  // namespace

int opus_fuzz(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array<std::uint32_t, 3> kRates = {8'000, 16'000, 48'000};
  ByteReader reader(Bytes{data, size});
  OpusDecoder decoder = OpusDecoder::open(kRates[reader.u8() % kRates.size()]).value();
  for (std::uint32_t step = 0; step < kStepsMax && reader.remaining() > 0; ++step) {
    const std::uint8_t op = reader.u8();
    // 0 to 31 steps of 2.5 ms: none, all that may be concealed, and more.
    const std::size_t lost = (op >> 3) * (decoder.rate_hz() / 400);
    if ((op & 0x07) == 0) decoder.reset();
    if ((op & 0x03) == 1) {
      conceal(decoder, lost);
      continue;
    }
    const std::size_t bytes = std::min<std::size_t>(reader.u8(), reader.remaining());
    const Result<OpusPacket> packet = OpusPacket::parse(reader.take(bytes));
    if (!packet.ok()) continue;
    if ((op & 0x03) == 2) recover(decoder, *packet, lost);
    decode(decoder, *packet);
  }
  return 0;
}

}  // namespace fuzz
