// What a media thread and the kernel's program share about one stream: how to recognise it, what to
// make of it, and the books. One slot of a shared array each; the program is written against these
// offsets, so nothing here may move without it.
//
// Who may touch a slot is settled by its state word, the only field that both sides write at will:
//
//   bit 0       busy: a program is inside, on some CPU
//   bit 1       closed: no program may enter; the fields are the media thread's
//   bits 2..31  how often a program has been inside; wraps
//
// A program enters by compare-and-exchange from "neither bit" to busy and leaves by adding 3, which
// clears the bit and counts. So the word is a lock between CPUs, a gate that the media thread can
// shut at any moment, and the version by which a reader knows that it has read one moment's books.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace trunkyard::kernel {

inline constexpr std::uint32_t kSlotBusy = 1;
inline constexpr std::uint32_t kSlotClosed = 2;
inline constexpr std::uint32_t kSlotEntered = 4;

/// A sequence number may step forward by less than this, and back by less than kStepBackMax;
/// anything else is not the stream that was agreed on and is left to the socket. Equal to
/// kMaxDropout and kMaxMisorder of native/rtp (RFC 3550 §A.1).
inline constexpr std::uint32_t kStepAheadMax = 3000;
inline constexpr std::uint32_t kStepBackMax = 100;
/// Equal to kTransitJumpMax of native/rtp: a greater jump is a sender's new clock, not jitter.
inline constexpr std::uint32_t kTransitJumpSecondsMax = 5;

/// Whom a packet is from and which address of ours it was sent to; as the bytes lie in the packet.
struct StreamKey {
  std::uint32_t from_host;
  std::uint32_t at_host;
  std::uint16_t from_port;
  std::uint16_t at_port;
};
static_assert(sizeof(StreamKey) == 12, "no padding: the kernel compares all bytes");

/// The books of an RTP stream while the kernel forwards it. All but the two counts are taken over
/// from the statistics kept before and handed back to them, so that the figures go on without a
/// break. The arithmetic is that of rtp::SourceStatistics, bit for bit.
struct StreamBooks {
  /// Greatest sequence number so far, cycles included (rtp::ExtendedSeq::value).
  std::uint64_t highest = 0;
  /// Packets forwarded since the stream was added. Late ones and duplicates count too, so the
  /// packets lost meanwhile are: growth of `highest`, less this (RFC 3550 §A.3).
  std::uint64_t packets = 0;
  /// Payload bytes of those packets, without their RTP headers.
  std::uint64_t octets = 0;
  /// Arrival of the last packet, CLOCK_MONOTONIC.
  std::uint64_t arrived_ns = 0;
  /// RFC 3550 §A.8, in timestamp units, times 16.
  std::uint64_t jitter_scaled = 0;
  /// Arrival less timestamp of the last packet, in timestamp units; wraps.
  std::uint32_t transit = 0;
  /// 0 while there is no transit time to compare with.
  std::uint32_t transit_known = 0;
  /// Of the last packet.
  std::uint32_t timestamp = 0;
  /// Packets of another one are left to the socket.
  std::uint32_t ssrc = 0;

  bool operator==(const StreamBooks&) const noexcept = default;
};
static_assert(sizeof(StreamBooks) <= kCacheLineBytes && sizeof(StreamBooks) % 8 == 0);

/// What each payload type becomes: 0..127, or kLeftToSocket.
using PayloadTypes = std::array<std::uint8_t, kPayloadTypes>;
inline constexpr std::uint8_t kLeftToSocket = 255;
/// Payload types that a stream may bring along in the kernel: its codec, comfort noise, two more.
inline constexpr std::size_t kTypesForwardedMax = 4;

/// A payload type and what it becomes; `in` is kLeftToSocket where there is none, which no packet's
/// 7 bits equal.
struct TypePair {
  std::uint8_t in = kLeftToSocket;
  std::uint8_t out = kLeftToSocket;
};

/// Addresses and ports as they lie in the packet.
struct alignas(kCacheLineBytes) StreamSlot {
  std::uint32_t state;
  /// The interface to send through, by index.
  std::uint32_t egress;
  StreamKey key;
  /// The neighbour on that interface; 0 when the far party is on this machine.
  std::uint32_t next_hop;
  /// Our address and the far party's, which the packet gets instead of those in `key`.
  std::uint32_t by_host;
  std::uint32_t to_host;
  std::uint16_t by_port;
  std::uint16_t to_port;
  /// What the change of addresses and of ports adds to a checksum (RFC 1624), folded to 16 bits.
  std::uint32_t hosts_delta;
  std::uint32_t ports_delta;
  /// Of all payload types that are forwarded; 0 = not known, then there is no jitter.
  std::uint32_t clock_rate_hz;
  /// Longest IP packet that is forwarded: the interface takes it whole, and the socket would too.
  std::uint32_t bytes_max;
  /// The traffic class byte of the IP header.
  std::uint8_t traffic_class;
  std::array<TypePair, kTypesForwardedMax> types;
  alignas(kCacheLineBytes) StreamBooks books;
};
static_assert(offsetof(StreamSlot, key) % 8 == 0, "compared in 64 bits");
static_assert(offsetof(StreamSlot, books) == kCacheLineBytes, "one line to match, one to count");
static_assert(sizeof(StreamSlot) == 2 * kCacheLineBytes);

}  // namespace trunkyard::kernel
