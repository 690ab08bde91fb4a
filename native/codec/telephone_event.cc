// Telephone-events on the wire: see telephone_event.h.
#include "codec/telephone_event.h"

#include <algorithm>
#include <string_view>

namespace trunkyard::codec {
namespace {

constexpr std::string_view kDigits = "0123456789*#ABCD";
static_assert(kDigits.size() == std::size_t{kDtmfEventMax} + 1);

constexpr std::uint8_t kEndBit = 0x80;
constexpr std::uint8_t kVolumeMax = 0x3f;

}  // namespace

Result<TelephoneEvent> parse_telephone_event(Bytes payload) noexcept {
  ByteReader reader(payload);
  TelephoneEvent event;
  event.event = reader.u8();
  const std::uint8_t flags = reader.u8();
  event.end = (flags & kEndBit) != 0;
  event.volume = flags & kVolumeMax;
  event.duration = reader.u16();
  if (!reader.ok()) return Error{ErrorCode::kPacketTruncated};
  return event;
}

std::array<std::uint8_t, kTelephoneEventBytes> write_telephone_event(
    const TelephoneEvent& event) noexcept {
  std::array<std::uint8_t, kTelephoneEventBytes> payload{};
  ByteWriter writer(payload);
  writer.u8(event.event);
  writer.u8(
      static_cast<std::uint8_t>((event.end ? kEndBit : 0) | std::min(event.volume, kVolumeMax)));
  writer.u16(event.duration);
  return payload;
}

std::optional<char> digit_of_event(std::uint8_t event) noexcept {
  if (event >= kDigits.size()) return std::nullopt;
  return kDigits[event];
}

std::optional<std::uint8_t> event_of_digit(char digit) noexcept {
  const char upper = digit >= 'a' && digit <= 'd' ? static_cast<char>(digit - 'a' + 'A') : digit;
  const std::size_t index = kDigits.find(upper);
  if (index == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint8_t>(index);
}

}  // namespace trunkyard::codec
