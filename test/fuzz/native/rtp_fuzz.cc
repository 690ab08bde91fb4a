// RTP: any datagram through the demultiplexer, the header parser and the rewriting; then the same
// bytes as a script of arrivals for the statistics, with what must hold of every count.
#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/native/targets.h"
#include "rtp/demux.h"
#include "rtp/packet.h"
#include "rtp/source_statistics.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;

/// A compiler must not throw a read away just because nobody uses it.
std::uint64_t sum(Bytes bytes) {
  std::uint64_t total = 0;
  for (const std::uint8_t byte : bytes)
    total += byte;
  return total;
}

bool lies_inside(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void parse(Bytes datagram) {
  const Result<PacketView> packet = PacketView::parse(datagram);
  if (!packet.ok()) return;
  const DatagramKind kind = classify(datagram);
  CHECK(kind == DatagramKind::kRtp || kind == DatagramKind::kRtcp);
  CHECK(lies_inside(packet->payload(), datagram));
  CHECK(lies_inside(packet->extension(), datagram));
  CHECK(packet->extension().size() % 4 == 0);
  CHECK(packet->header_bytes() + packet->payload().size() + packet->padding_bytes() ==
        datagram.size());
  volatile std::uint64_t used = sum(packet->payload()) + sum(packet->extension());
  for (std::uint32_t index = 0; index < packet->csrc_count(); ++index) {
    used = used + static_cast<std::uint32_t>(packet->csrc(index));
  }
}

/// Rewriting to other values and back must give the packet back; nothing but the fields may change.
void rewrite(Bytes datagram) {
  std::array<std::uint8_t, kPacketBytesMax> copy{};
  if (datagram.size() > copy.size()) return;
  std::copy(datagram.begin(), datagram.end(), copy.begin());
  const MutableBytes bytes{copy.data(), datagram.size()};
  const Result<PacketView> before = PacketView::parse(datagram);
  if (!before.ok()) return;

  rewrite_payload_type(bytes, 127);
  rewrite_sequence(bytes, 0xffff);
  rewrite_timestamp(bytes, static_cast<RtpTimestamp>(0xffff'ffff));
  rewrite_ssrc(bytes, static_cast<Ssrc>(0));
  const Result<PacketView> after = PacketView::parse(bytes);
  CHECK(after.ok());
  CHECK(after->payload_type() == 127);
  CHECK(after->marker() == before->marker());
  CHECK(after->sequence() == 0xffff);
  CHECK(after->header_bytes() == before->header_bytes());
  CHECK(after->payload().size() == before->payload().size());

  rewrite_payload_type(bytes, before->payload_type());
  rewrite_sequence(bytes, before->sequence());
  rewrite_timestamp(bytes, before->timestamp());
  rewrite_ssrc(bytes, before->ssrc());
  CHECK(std::equal(bytes.begin(), bytes.end(), datagram.begin()));
}

void count_arrivals(Bytes script) {
  SourceStatistics statistics;
  ByteReader reader(script);
  Instant now;
  std::uint64_t packets = 0;
  while (reader.remaining() >= 8) {
    const std::uint8_t operation = reader.u8();
    const Ssrc ssrc = static_cast<Ssrc>(operation & 3);
    now = now + Duration::microseconds(reader.u16());
    const std::uint16_t sequence = reader.u16();
    const std::uint16_t timestamp = reader.u16();
    const std::uint8_t rate = reader.u8();
    if ((operation & 0xc0) == 0xc0) {
      statistics.on_sender_report(now, ssrc, NtpTime::from_bits(std::uint64_t{timestamp} << 32));
      continue;
    }
    (void)statistics.on_packet(now, {.ssrc = ssrc,
                                     .sequence = sequence,
                                     .timestamp = static_cast<RtpTimestamp>(timestamp * 65'521u),
                                     .payload_bytes = rate,
                                     .clock_rate_hz = rate * 377u});
    ++packets;
    CHECK(statistics.packets_received() == packets);
    CHECK(statistics.packets_lost() <= statistics.packets_expected());
    // A dropout of fewer than kMaxDropout numbers is the most that one packet can add.
    CHECK(statistics.packets_expected() <= packets * kMaxDropout);
    CHECK(statistics.jitter_ms() >= 0.0);
    if (statistics.has_stream() && (operation & 0x20) != 0) {
      const ReportBlock block = statistics.make_report_block(now);
      CHECK(block.cumulative_lost >= -0x80'0000 && block.cumulative_lost <= 0x7f'ffff);
      CHECK(static_cast<std::uint16_t>(block.highest_sequence) == statistics.highest().sequence());
    }
  }
}

}  // namespace

int rtp_fuzz(const std::uint8_t* data, std::size_t size) {
  const Bytes input{data, size};
  parse(input);
  rewrite(input);
  count_arrivals(input);
  return 0;
}

}  // namespace fuzz
