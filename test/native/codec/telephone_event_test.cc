// The telephone-event payload, by the examples of RFC 4733.
#include "codec/telephone_event.h"

#include <vector>

#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
using Payload = std::vector<std::uint8_t>;

TEST("reads event, end bit, volume and duration") {
  const Result<TelephoneEvent> event = parse_telephone_event(Payload{0x0b, 0x8a, 0x03, 0x20});
  REQUIRE(event.ok());
  CHECK_EQ(event->event, 11);
  CHECK_TRUE(event->end);
  CHECK_EQ(event->volume, 10);
  CHECK_EQ(event->duration, 800);
}

TEST("ignores the reserved bit and what follows the four bytes") {
  const Result<TelephoneEvent> event =
      parse_telephone_event(Payload{0x01, 0x47, 0xff, 0xff, 0x99, 0x99});
  REQUIRE(event.ok());
  CHECK_FALSE(event->end);
  CHECK_EQ(event->volume, 7);
  CHECK_EQ(event->duration, 0xffff);
}

TEST("refuses fewer than four bytes") {
  for (std::size_t size = 0; size < 4; ++size)
    CHECK_EQ(parse_telephone_event(Payload(size)).code(), ErrorCode::kPacketTruncated);
}

TEST("what is written reads back, and too loud a number is cut to 63") {
  for (const bool end : {false, true}) {
    const auto payload =
        write_telephone_event({.event = 200, .end = end, .volume = 63, .duration = 0x1234});
    const Result<TelephoneEvent> event = parse_telephone_event(payload);
    REQUIRE(event.ok());
    CHECK_EQ(event->event, 200);
    CHECK_EQ(event->end, end);
    CHECK_EQ(event->volume, 63);
    CHECK_EQ(event->duration, 0x1234);
  }
  CHECK_EQ(write_telephone_event({.volume = 200})[1], 0x3f);
}

TEST("digits and events are each other's inverse, small letters included") {
  for (std::uint8_t event = 0; event <= kDtmfEventMax; ++event) {
    const std::optional<char> digit = digit_of_event(event);
    REQUIRE(digit.has_value());
    CHECK_EQ(event_of_digit(*digit).value_or(99), event);
  }
  CHECK_EQ(event_of_digit('*').value_or(99), 10);
  CHECK_EQ(event_of_digit('#').value_or(99), 11);
  CHECK_EQ(event_of_digit('d').value_or(99), 15);
  CHECK_FALSE(event_of_digit('E').has_value());
  CHECK_FALSE(event_of_digit('\0').has_value());
  CHECK_FALSE(digit_of_event(16).has_value());
}

}  // namespace
