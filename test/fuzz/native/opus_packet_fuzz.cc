// The make-up of an Opus packet: any bytes; the verdict and every frame must be those of libopus,
// and all that is told without decoding must be within its bounds.
#include <opus.h>

#include <array>

#include "base/check.h"
#include "codec/opus_packet.h"
#include "fuzz/native/targets.h"

namespace fuzz {

using namespace trunkyard;
using namespace trunkyard::codec;

int opus_packet_fuzz(const std::uint8_t* data, std::size_t size) {
  const Bytes payload{data, size};
  if (size == 0) {  // libopus may not be asked about nothing
    CHECK(OpusPacket::parse(payload).code() == ErrorCode::kPacketTruncated);
    return 0;
  }
  std::array<const unsigned char*, kOpusFramesMax> frames{};
  std::array<opus_int16, kOpusFramesMax> sizes{};
  const int count = opus_packet_parse(data, static_cast<opus_int32>(size), nullptr, frames.data(),
                                      sizes.data(), nullptr);
  const Result<OpusPacket> packet = OpusPacket::parse(payload);
  CHECK(packet.ok() == (count > 0));
  if (!packet.ok()) {
    CHECK(packet.error() == ErrorCode::kPacketTruncated ||
          packet.error() == ErrorCode::kPacketMalformed);
    return 0;
  }
  CHECK(packet->frame_count() == static_cast<std::uint32_t>(count));
  bool silent = true;
  for (std::uint32_t index = 0; index < packet->frame_count(); ++index) {
    const Bytes frame = packet->frame(index);
    CHECK(frame.size() == static_cast<std::size_t>(sizes[index]));
    CHECK(frame.empty() || frame.data() == frames[index]);
    silent = silent && frame.size() <= 1;
  }
  CHECK(packet->silent() == silent);
  for (const std::uint32_t rate_hz : {8'000u, 16'000u, 48'000u}) {
    const int expected = opus_packet_get_samples_per_frame(data, static_cast<opus_int32>(rate_hz));
    CHECK(packet->samples_per_frame(rate_hz) == static_cast<std::size_t>(expected));
    CHECK(packet->samples(rate_hz) <= rate_hz / 1'000 * kOpusPacketMsMax);
  }
  CHECK(packet->channel_count() == static_cast<std::uint32_t>(opus_packet_get_nb_channels(data)));
  CHECK(static_cast<int>(packet->bandwidth()) ==
        opus_packet_get_bandwidth(data) - OPUS_BANDWIDTH_NARROWBAND);
  CHECK(!packet->has_fec() || packet->mode() != OpusMode::kCelt);
  return 0;
}

}  // namespace fuzz
