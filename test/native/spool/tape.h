// Tape: a recording made for a test, its segments kept as files would be. Samples are numbered, so
// that a byte found anywhere tells where it belongs.
#pragma once

#include <cstdint>
#include <vector>

#include "native/harness.h"
#include "spool/segment_writer.h"

namespace test {

using Buffer = std::vector<std::uint8_t>;

/// 20 ms of one channel, of which every byte follows from its place.
inline Buffer numbered(const trunkyard::spool::MediaFormat& format, std::uint8_t channel,
                       std::uint64_t position, std::uint64_t samples) {
  Buffer bytes(static_cast<std::size_t>(format.bytes_of(samples)));
  const std::uint64_t first = format.bytes_of(position);
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    const std::uint64_t at = first + index;
    bytes[index] = static_cast<std::uint8_t>((at * 167 + (at >> 8) * 31 + channel * 101) & 0xff);
  }
  return bytes;
}

class Tape {
 public:
  static trunkyard::spool::RecordingFacts facts(trunkyard::spool::MediaFormat format) {
    trunkyard::spool::RecordingFacts facts{.format = format, .started_unix_ms = 1'700'000'000'000};
    for (std::size_t index = 0; index < facts.id.size(); ++index)
      facts.id[index] = static_cast<std::uint8_t>(index * 7 + 1);
    return facts;
  }

  explicit Tape(trunkyard::spool::MediaFormat format, trunkyard::spool::SegmentPolicy policy = {},
                trunkyard::spool::SegmentPlace first = {})
      : format_(format), writer_(facts(format), policy, first), into_(writer_.output_bytes_max()) {
    open();
  }

  void open() {
    segments.emplace_back();
    keep(writer_.open(into_).value());
  }
  void seal(trunkyard::spool::SealKind kind) { keep(writer_.seal(kind, into_)); }

  /// Appends 20 ms of numbered samples, in a new segment if this one is full.
  trunkyard::spool::AppendVerdict add(std::uint8_t channel, std::uint64_t position) {
    const Buffer bytes = numbered(format_, channel, position, frame_samples());
    return add({.channel = channel,
                .position = position,
                .samples = static_cast<std::uint32_t>(frame_samples()),
                .bytes = bytes});
  }
  trunkyard::spool::AppendVerdict add(const trunkyard::spool::Piece& piece) {
    trunkyard::spool::Appended appended = writer_.append(now, piece, into_);
    if (appended.verdict == trunkyard::spool::AppendVerdict::kFull) {
      seal(trunkyard::spool::SealKind::kGoesOn);
      open();
      appended = writer_.append(now, piece, into_);
    }
    keep(appended.to_write);
    return appended.verdict;
  }
  /// `count` frames of 20 ms of every channel, from a position on.
  std::uint64_t run(std::uint64_t position, std::uint32_t count) {
    for (std::uint32_t index = 0; index < count; ++index) {
      for (std::uint8_t channel = 0; channel < format_.channel_count; ++channel)
        CHECK_TRUE(add(channel, position) == trunkyard::spool::AppendVerdict::kTaken);
      position += frame_samples();
      now = now + trunkyard::Duration::milliseconds(20);
    }
    return position;
  }
  trunkyard::spool::AppendVerdict gap(const trunkyard::spool::SegmentWriter::Gap& gap) {
    const trunkyard::spool::Appended appended = writer_.gap(gap, into_);
    keep(appended.to_write);
    return appended.verdict;
  }
  void pass(trunkyard::Instant at) {
    now = at;
    keep(writer_.handle_deadline(now, into_));
  }

  [[nodiscard]] std::uint64_t frame_samples() const { return format_.samples_of_ms(20); }
  [[nodiscard]] const trunkyard::spool::SegmentWriter& writer() const { return writer_; }
  [[nodiscard]] std::vector<trunkyard::Bytes> views() const {
    return {segments.begin(), segments.end()};
  }

  std::vector<Buffer> segments;
  trunkyard::Instant now = trunkyard::Instant::from_ns(1'000'000'000);

 private:
  void keep(trunkyard::Bytes bytes) {
    segments.back().insert(segments.back().end(), bytes.begin(), bytes.end());
  }

  trunkyard::spool::MediaFormat format_;
  trunkyard::spool::SegmentWriter writer_;
  Buffer into_;
};

}  // namespace test
