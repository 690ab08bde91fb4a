#include "pipeline/digit_watch.h"

#include "base/check.h"

namespace trunkyard::pipeline {

DigitWatch::DigitWatch(const Setup& setup) noexcept
    : setup_(setup), events_({.clock_rate_hz = setup.clock_rate_hz}) {}

void DigitWatch::handle_packet(Instant now, const rtp::PacketView& packet) noexcept {
  CHECK(first_ == count_);
  first_ = count_ = 0;
  if (packet.ssrc() != ssrc_) {
    add(events_.reset());
    ssrc_ = packet.ssrc();
  }
  add(events_.handle_packet(now, packet.timestamp(), packet.payload()));
}

void DigitWatch::handle_deadline(Instant now) noexcept {
  CHECK(first_ == count_);
  first_ = count_ = 0;
  if (now >= events_.next_deadline()) add(events_.handle_deadline(now));
}

void DigitWatch::finish() noexcept {
  add(events_.reset());
}

void DigitWatch::hand_over() noexcept {
  events_.reset();
}

void DigitWatch::add(const codec::EventEdges& edges) noexcept {
  for (const codec::EventEdge& edge : edges.edges()) {
    digits_[count_++] = {.edge = edge, .clock_rate_hz = setup_.clock_rate_hz};
  }
}

bool DigitWatch::next_digit(Digit& digit) noexcept {
  if (first_ == count_) return false;
  digit = digits_[first_++];
  return true;
}

}  // namespace trunkyard::pipeline
