#include "codec/opus_packet.h"

namespace trunkyard::codec {
namespace {

/// Configurations 0 to 11 are SILK, 12 to 15 hybrid, 16 to 31 CELT (RFC 6716 §3.1, table 2).
constexpr std::uint8_t kHybridConfigMin = 12;
constexpr std::uint8_t kCeltConfigMin = 16;

constexpr std::size_t kPacketSamplesMax = kOpusClockHz / 1'000 * kOpusPacketMsMax;

/// Up to 251 in one byte, beyond that in two (RFC 6716 §3.2.1). Without bytes left, the reader
/// fails.
std::size_t read_frame_size(ByteReader& reader) noexcept {
  const std::size_t first = reader.u8();
  return first < 252 ? first : first + std::size_t{4} * reader.u8();
}

/// The bytes of padding at the end of the packet: 255 stands for 254 and says that another byte of
/// the length follows (RFC 6716 §3.2.5). Ends with the reader's bytes.
std::size_t read_padding_size(ByteReader& reader) noexcept {
  std::size_t padding = 0;
  std::uint8_t more = 255;
  while (more == 255 && reader.ok()) {
    more = reader.u8();
    padding += more == 255 ? 254 : more;
  }
  return padding;
}

}  // namespace

Result<OpusPacket> OpusPacket::parse(Bytes payload) noexcept {
  ByteReader reader(payload);
  OpusPacket packet(payload, reader.u8());
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};

  const std::uint8_t code = packet.toc_ & 0x03;
  bool sizes_differ = code == 2;
  std::size_t padding = 0;
  if (code == 1 || code == 2) packet.frame_count_ = 2;
  if (code == 3) {
    const std::uint8_t counts = reader.u8();
    if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
    packet.frame_count_ = counts & 0x3f;
    if (packet.frame_count_ == 0 || packet.samples(kOpusClockHz) > kPacketSamplesMax) {
      return Error{ErrorCode::kPacketMalformed};
    }
    sizes_differ = (counts & 0x80) != 0;
    if ((counts & 0x40) != 0) padding = read_padding_size(reader);
    if (!reader.ok() || padding > reader.remaining()) return Error{ErrorCode::kPacketTruncated};
  }

  const std::size_t offset = reader.offset();
  const Bytes body = payload.subspan(offset, reader.remaining() - padding);
  const ErrorCode verdict = packet.place_frames(offset, body, sizes_differ);
  if (verdict != ErrorCode::kOk) return Error{verdict};
  return packet;
}

/// @param offset where `body` begins in the packet.
/// @param body   the sizes, if any, and the frames; no padding.
ErrorCode OpusPacket::place_frames(std::size_t offset, Bytes body, bool sizes_differ) noexcept {
  ByteReader reader(body);
  const std::uint32_t last = frame_count_ - 1u;
  std::size_t equal_size = 0;
  if (sizes_differ) {
    for (std::uint32_t index = 0; index < last; ++index) {
      frames_[index].size = static_cast<std::uint16_t>(read_frame_size(reader));
    }
  } else {
    equal_size = body.size() / frame_count_;
    if (equal_size * frame_count_ != body.size()) return ErrorCode::kPacketMalformed;
    if (equal_size > kOpusFrameBytesMax) return ErrorCode::kPacketMalformed;
  }

  for (std::uint32_t index = 0; index < last; ++index) {
    Frame& frame = frames_[index];
    if (!sizes_differ) frame.size = static_cast<std::uint16_t>(equal_size);
    frame.offset = static_cast<std::uint32_t>(offset + reader.offset());
    reader.skip(frame.size);
  }
  if (!reader.ok()) return ErrorCode::kPacketTruncated;
  // The last frame has no size of its own: it takes what is left.
  if (reader.remaining() > kOpusFrameBytesMax) return ErrorCode::kPacketMalformed;
  frames_[last] = {.offset = static_cast<std::uint32_t>(offset + reader.offset()),
                   .size = static_cast<std::uint16_t>(reader.remaining())};
  return ErrorCode::kOk;
}

OpusMode OpusPacket::mode() const noexcept {
  if (config() >= kCeltConfigMin) return OpusMode::kCelt;
  return config() >= kHybridConfigMin ? OpusMode::kHybrid : OpusMode::kSilk;
}

OpusBandwidth OpusPacket::bandwidth() const noexcept {
  switch (mode()) {
    case OpusMode::kSilk:
      return static_cast<OpusBandwidth>(config() / 4);  // four lengths each of 4, 6 and 8 kHz
    case OpusMode::kHybrid:
      return config() < kHybridConfigMin + 2 ? OpusBandwidth::kSuperWide : OpusBandwidth::kFull;
    case OpusMode::kCelt:
      break;
  }
  // Four lengths each of 4, 8, 12 and 20 kHz: there is no medium band.
  const int step = (config() - kCeltConfigMin) / 4;
  return step == 0 ? OpusBandwidth::kNarrow : static_cast<OpusBandwidth>(step + 1);
}

std::size_t OpusPacket::samples_per_frame(std::uint32_t rate_hz) const noexcept {
  const std::uint32_t length = config() & 0x03;
  switch (mode()) {
    case OpusMode::kSilk:  // 10, 20, 40, 60 ms
      return length == 3 ? rate_hz * 60 / 1'000 : (rate_hz / 100) << length;
    case OpusMode::kHybrid:  // 10, 20 ms
      return (rate_hz / 100) << (length & 1);
    case OpusMode::kCelt:  // 2.5, 5, 10, 20 ms
      break;
  }
  return (rate_hz / 400) << length;
}

bool OpusPacket::silent() const noexcept {
  for (std::uint32_t index = 0; index < frame_count_; ++index) {
    if (frames_[index].size > 1) return false;
  }
  return true;
}

bool OpusPacket::has_fec() const noexcept {
  if (mode() == OpusMode::kCelt || frames_[0].size <= 1) return false;
  // A SILK frame lasts 10 or 20 ms. Each channel begins with a bit for each of its SILK frames (is
  // there a voice?) and then the bit we want; all are coded with even odds, which lets them stand
  // in the first byte as they are (RFC 6716 §4.2.3).
  const std::size_t silk_frames = (samples_per_frame(kOpusClockHz) + 959) / 960;
  return (payload_[frames_[0].offset] & (0x80u >> silk_frames)) != 0;
}

}  // namespace trunkyard::codec
