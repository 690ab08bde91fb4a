// DigitWatch: the key presses in a stream that is forwarded as it is. Looks at its telephone-event
// packets (RFC 4733) on their way and makes known what was pressed; touches nothing.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"
#include "codec/event_receiver.h"
#include "pipeline/digit.h"
#include "rtp/packet.h"

namespace trunkyard::pipeline {

/// One leg's. Allocates nothing; one media thread.
class DigitWatch {
 public:
  struct Setup {
    std::uint8_t payload_type = 0;        ///< of the telephone-events, 0..127
    std::uint32_t clock_rate_hz = 8'000;  ///< theirs; 1..kPcmRateHzMax (CHECKed)

    [[nodiscard]] bool operator==(const Setup&) const noexcept = default;
  };
  explicit DigitWatch(const Setup& setup) noexcept;

  [[nodiscard]] const Setup& setup() const noexcept { return setup_; }

  /// @param packet of the payload type of setup(). Ask next_digit() afterwards (CHECKed).
  void handle_packet(Instant now, const rtp::PacketView& packet) noexcept;
  /// Ends a press whose packets stopped without saying so. Ask next_digit() afterwards.
  void handle_deadline(Instant now) noexcept;
  /// Nobody watches any more: ends a press that is down. Ask next_digit() afterwards.
  void finish() noexcept;
  /// Whoever decodes the stream from now on hears of a press that is down as well: forgets it.
  void hand_over() noexcept;

  /// Takes out the oldest edge that the last call made known; false when there is none.
  [[nodiscard]] bool next_digit(Digit& digit) noexcept;
  [[nodiscard]] bool down() const noexcept { return events_.down(); }

 private:
  void add(const codec::EventEdges& edges) noexcept;

  Setup setup_;
  codec::EventReceiver events_;
  rtp::Ssrc ssrc_{};
  /// What ends with one SSRC and what begins with the next.
  std::array<Digit, codec::EventEdges::kMax + 1> digits_ = {};
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace trunkyard::pipeline
