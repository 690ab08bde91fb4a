// See transform.h.
#include "srtp/transform.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "rtp/packet.h"

namespace trunkyard::srtp {
namespace {

constexpr std::uint32_t kEncryptedBit = 1u << 31;
constexpr std::size_t kRtpSsrcOffset = 8;
constexpr std::size_t kRtcpSsrcOffset = 4;

using Salt = std::array<std::uint8_t, kMasterSaltBytesMax>;

/// RFC 3711 §4.1.1: salt x 2^16 XOR SSRC x 2^64 XOR index x 2^16; the low 16 bits count blocks.
CounterMode::Counter counter_for(const Salt& salt, std::uint32_t ssrc,
                                 std::uint64_t index) noexcept {
  CounterMode::Counter counter;
  store_u32(counter.data(), load_u32(salt.data()));
  store_u32(counter.data() + 4, load_u32(salt.data() + 4) ^ ssrc);
  store_u32(counter.data() + 8,
            load_u32(salt.data() + 8) ^ static_cast<std::uint32_t>(index >> 16));
  store_u16(counter.data() + 12, static_cast<std::uint16_t>(load_u16(salt.data() + 12) ^
                                                            static_cast<std::uint16_t>(index)));
  store_u16(counter.data() + 14, 0);
  return counter;
}

/// RFC 7714 §8.1 (rollover counter and sequence number are the 48 bits of the index) and §9.1 (an
/// RTCP index fits the same place): 16 zero bits, SSRC, index, all XOR the salt.
GcmMode::Iv iv_for(const Salt& salt, std::uint32_t ssrc, std::uint64_t index) noexcept {
  GcmMode::Iv iv;
  store_u16(iv.data(), load_u16(salt.data()));
  store_u32(iv.data() + 2, load_u32(salt.data() + 2) ^ ssrc);
  store_u32(iv.data() + 6, load_u32(salt.data() + 6) ^ static_cast<std::uint32_t>(index >> 16));
  store_u16(iv.data() + 10, static_cast<std::uint16_t>(load_u16(salt.data() + 10) ^
                                                       static_cast<std::uint16_t>(index)));
  return iv;
}

void put(MutableBytes whole, std::size_t offset, Bytes bytes) noexcept {
  CHECK(offset + bytes.size() <= whole.size());
  std::copy(bytes.begin(), bytes.end(), whole.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

Transform::Transform(const TransformOptions& options) noexcept
    : shape_(shape_of(options.suite)),
      direction_(options.direction),
      mki_bytes_(static_cast<std::uint8_t>(options.mki.size())),
      rtp_tail_bytes_(shape_.rtp_tag_bytes + options.mki.size()),
      rtcp_tail_bytes_(shape_.rtcp_tag_bytes + kRtcpIndexBytes + options.mki.size()) {
  std::copy(options.mki.begin(), options.mki.end(), mki_.begin());
}

Result<Transform> Transform::create(const SessionKeys& keys,
                                    const TransformOptions& options) noexcept {
  if (options.mki.size() > kMkiBytesMax) return Error{ErrorCode::kConfigInvalid};
  Transform transform(options);
  for (const auto& [machine, key] :
       {std::pair{&transform.rtp_, &keys.rtp}, std::pair{&transform.rtcp_, &keys.rtcp}}) {
    const Result<void> done = set_up(*machine, *key, options);
    if (!done.ok()) return Error{done.error()};
  }
  return transform;
}

Result<void> Transform::set_up(Machine& machine, const SessionKey& key,
                               const TransformOptions& options) noexcept {
  const SuiteShape shape = shape_of(options.suite);
  const Bytes cipher = Bytes(key.cipher).first(shape.key_bytes);
  machine.salt = key.salt;
  if (shape.aead) {
    Result<GcmMode> gcm = GcmMode::create(cipher, options.direction == Direction::kProtect
                                                      ? GcmMode::Direction::kSeal
                                                      : GcmMode::Direction::kOpen);
    if (!gcm.ok()) return Error{gcm.error()};
    machine.gcm.emplace(std::move(gcm).value());
    return {};
  }
  Result<CounterMode> counter = CounterMode::create(cipher, options.kernels);
  if (!counter.ok()) return Error{counter.error()};
  machine.counter.emplace(std::move(counter).value());
  machine.authenticator.emplace(key.authentication, options.kernels);
  return {};
}

// --- RTP

bool Transform::protect_rtp(MutableBytes whole, std::size_t header_bytes,
                            std::uint64_t index) noexcept {
  CHECK(direction_ == Direction::kProtect);
  CHECK(header_bytes >= rtp::kRtpHeaderBytes);
  CHECK(header_bytes + rtp_tail_bytes_ <= whole.size());
  const std::size_t packet_bytes = whole.size() - rtp_tail_bytes_;
  const MutableBytes packet = whole.first(packet_bytes);
  const MutableBytes payload = packet.subspan(header_bytes);
  const std::uint32_t ssrc = load_u32(whole.data() + kRtpSsrcOffset);
  if (shape_.aead) {
    const MutableBytes tag = whole.subspan(packet_bytes, kGcmTagBytes);
    put(whole, packet_bytes + kGcmTagBytes, mki());
    return rtp_.gcm->seal(iv_for(rtp_.salt, ssrc, index), packet.first(header_bytes), {}, payload,
                          tag);
  }
  if (!rtp_.counter->apply(counter_for(rtp_.salt, ssrc, index), payload)) return false;
  const Authenticator::Tag tag =
      rtp_.authenticator->sign(packet, static_cast<std::uint32_t>(index >> 16));
  put(whole, packet_bytes, mki());
  put(whole, packet_bytes + mki_bytes_, Bytes(tag).first(shape_.rtp_tag_bytes));
  return true;
}

bool Transform::unprotect_rtp(MutableBytes whole, std::size_t header_bytes,
                              std::uint64_t index) noexcept {
  CHECK(direction_ == Direction::kUnprotect);
  CHECK(header_bytes >= rtp::kRtpHeaderBytes);
  CHECK(header_bytes + rtp_tail_bytes_ <= whole.size());
  const std::size_t packet_bytes = whole.size() - rtp_tail_bytes_;
  const MutableBytes packet = whole.first(packet_bytes);
  const MutableBytes payload = packet.subspan(header_bytes);
  const std::uint32_t ssrc = load_u32(whole.data() + kRtpSsrcOffset);
  if (shape_.aead) {
    return rtp_.gcm->open(iv_for(rtp_.salt, ssrc, index), packet.first(header_bytes), {}, payload,
                          whole.subspan(packet_bytes, kGcmTagBytes));
  }
  const Authenticator::Tag tag =
      rtp_.authenticator->sign(packet, static_cast<std::uint32_t>(index >> 16));
  if (!equal_in_constant_time(Bytes(tag).first(shape_.rtp_tag_bytes),
                              whole.last(shape_.rtp_tag_bytes))) {
    return false;
  }
  return rtp_.counter->apply(counter_for(rtp_.salt, ssrc, index), payload);
}

bool Transform::names_our_key_rtp(Bytes whole) const noexcept {
  CHECK(whole.size() >= rtp_tail_bytes_);
  const std::size_t behind = shape_.aead ? 0 : shape_.rtp_tag_bytes;
  const Bytes named = whole.subspan(whole.size() - behind - mki_bytes_, mki_bytes_);
  return std::equal(named.begin(), named.end(), mki_.begin());
}

// --- RTCP

std::size_t Transform::rtcp_index_offset(Bytes whole) const noexcept {
  CHECK(whole.size() >= kRtcpClearBytes + rtcp_tail_bytes_);
  const std::size_t behind = shape_.aead ? 0 : shape_.rtcp_tag_bytes;
  return whole.size() - behind - mki_bytes_ - kRtcpIndexBytes;
}

std::uint32_t Transform::rtcp_index(Bytes whole) const noexcept {
  return load_u32(whole.data() + rtcp_index_offset(whole)) & ~kEncryptedBit;
}

bool Transform::rtcp_encrypted(Bytes whole) const noexcept {
  return (load_u32(whole.data() + rtcp_index_offset(whole)) & kEncryptedBit) != 0;
}

bool Transform::names_our_key_rtcp(Bytes whole) const noexcept {
  const Bytes named = whole.subspan(rtcp_index_offset(whole) + kRtcpIndexBytes, mki_bytes_);
  return std::equal(named.begin(), named.end(), mki_.begin());
}

bool Transform::protect_rtcp(MutableBytes whole, std::uint32_t index) noexcept {
  CHECK(direction_ == Direction::kProtect);
  CHECK(index < kEncryptedBit);
  const std::size_t index_offset = rtcp_index_offset(whole);
  const std::size_t packet_bytes = whole.size() - rtcp_tail_bytes_;
  const MutableBytes secret = whole.subspan(kRtcpClearBytes, packet_bytes - kRtcpClearBytes);
  const std::uint32_t ssrc = load_u32(whole.data() + kRtcpSsrcOffset);
  store_u32(whole.data() + index_offset, index | kEncryptedBit);
  put(whole, index_offset + kRtcpIndexBytes, mki());
  if (shape_.aead) {
    return rtcp_.gcm->seal(iv_for(rtcp_.salt, ssrc, index), whole.first(kRtcpClearBytes),
                           whole.subspan(index_offset, kRtcpIndexBytes), secret,
                           whole.subspan(packet_bytes, kGcmTagBytes));
  }
  if (!rtcp_.counter->apply(counter_for(rtcp_.salt, ssrc, index), secret)) return false;
  const Authenticator::Tag tag =
      rtcp_.authenticator->sign(whole.first(index_offset + kRtcpIndexBytes));
  put(whole, whole.size() - shape_.rtcp_tag_bytes, Bytes(tag).first(shape_.rtcp_tag_bytes));
  return true;
}

bool Transform::unprotect_rtcp(MutableBytes whole) noexcept {
  CHECK(direction_ == Direction::kUnprotect);
  CHECK(rtcp_encrypted(whole));
  const std::size_t index_offset = rtcp_index_offset(whole);
  const std::size_t packet_bytes = whole.size() - rtcp_tail_bytes_;
  const MutableBytes secret = whole.subspan(kRtcpClearBytes, packet_bytes - kRtcpClearBytes);
  const std::uint32_t ssrc = load_u32(whole.data() + kRtcpSsrcOffset);
  const std::uint32_t index = rtcp_index(whole);
  if (shape_.aead) {
    return rtcp_.gcm->open(iv_for(rtcp_.salt, ssrc, index), whole.first(kRtcpClearBytes),
                           whole.subspan(index_offset, kRtcpIndexBytes), secret,
                           whole.subspan(packet_bytes, kGcmTagBytes));
  }
  const Authenticator::Tag tag =
      rtcp_.authenticator->sign(whole.first(index_offset + kRtcpIndexBytes));
  if (!equal_in_constant_time(Bytes(tag).first(shape_.rtcp_tag_bytes),
                              whole.last(shape_.rtcp_tag_bytes))) {
    return false;
  }
  return rtcp_.counter->apply(counter_for(rtcp_.salt, ssrc, index), secret);
}

}  // namespace trunkyard::srtp
