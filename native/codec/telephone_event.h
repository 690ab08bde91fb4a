// Telephone-events on the wire (RFC 4733): the payload that says "this key is down, for so long".
// The receiver and the sender that make events of a stream of them are in files of their own.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |     event     |E|R| volume    |          duration             |
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace trunkyard::codec {

inline constexpr std::size_t kTelephoneEventBytes = 4;
/// The last DTMF digit (D); 16 is a hook flash, what follows are line and fax signals.
inline constexpr std::uint8_t kDtmfEventMax = 15;
/// A longer event is cut into segments of this length, each with a timestamp of its own (§2.5.1.3).
inline constexpr std::uint32_t kSegmentUnitsMax = 0xffff;
/// An event's last packet is sent this often, as nothing else tells the end (§2.5.1.4).
inline constexpr std::uint32_t kEndPackets = 3;

/// One packet's payload. Durations count from the RTP timestamp, in units of the clock rate.
struct TelephoneEvent {
  std::uint8_t event = 0;
  bool end = false;
  std::uint8_t volume = 0;  ///< power in -dBm0, 0..63; DTMF only
  std::uint16_t duration = 0;
};

/// @param payload of one RTP packet. Bytes after the first four are ignored: some senders pad, and
///                events in RED don't come this way.
/// @returns kPacketTruncated below four bytes. The reserved bit is ignored, as §2.3.3 demands.
[[nodiscard]] Result<TelephoneEvent> parse_telephone_event(Bytes payload) noexcept;

/// @param volume more than 63 is written as 63.
[[nodiscard]] std::array<std::uint8_t, kTelephoneEventBytes> write_telephone_event(
    const TelephoneEvent& event) noexcept;

/// '0'-'9', '*', '#', 'A'-'D' for 0..15; nothing for other events.
[[nodiscard]] std::optional<char> digit_of_event(std::uint8_t event) noexcept;
/// The inverse; small letters too.
[[nodiscard]] std::optional<std::uint8_t> event_of_digit(char digit) noexcept;

}  // namespace trunkyard::codec
