#include "engine/recording_feed.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace trunkyard::engine {

namespace {

/// A ring's capacity is a power of two.
std::uint32_t records_of(std::uint32_t rate_hz) noexcept {
  const std::size_t records_of_piece = codec::samples_of(rate_hz, pipeline::kPieceMs) / kTapSamples;
  return std::bit_ceil(kTapRecordsMax * static_cast<std::uint32_t>(records_of_piece));
}

}  // namespace

RecordingFeed::RecordingFeed(std::uint32_t rate_hz)
    : store_(sizeof(Record), records_of(rate_hz)),
      producer_(store_.ring()),
      consumer_(store_.ring()) {}

bool RecordingFeed::push(const Piece& piece) noexcept {
  const std::size_t parts = piece.samples.size() / kTapSamples;
  CHECK(parts >= 1);
  CHECK(parts <= kPartsMax);
  if (producer_.free_count() < parts) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  std::array<Record, kPartsMax> records;
  for (std::size_t part = 0; part < parts; ++part) {
    records[part].position = piece.position;
    records[part].rate_hz = piece.rate_hz;
    records[part].side = piece.side;
    records[part].before = piece.before;
    const codec::Pcm samples = piece.samples.subspan(part * kTapSamples, kTapSamples);
    std::copy(samples.begin(), samples.end(), records[part].samples.begin());
  }
  // All at once, so that the other side never finds half a piece.
  CHECK(producer_.try_push_all(
      {reinterpret_cast<const std::uint8_t*>(records.data()), parts * sizeof(Record)}));
  return true;
}

void RecordingFeed::close(contract::RecordingEnd end, std::uint32_t length) noexcept {
  end_ = end;
  length_ = length;
  closed_.store(true, std::memory_order_release);
}

bool RecordingFeed::pop(Piece& piece) noexcept {
  Record record;
  if (!consumer_.try_pop_record(record)) return false;
  const std::size_t parts = codec::samples_of(record.rate_hz, pipeline::kPieceMs) / kTapSamples;
  piece = {.side = record.side,
           .position = record.position,
           .rate_hz = record.rate_hz,
           .before = record.before,
           .samples = codec::Pcm(popped_).first(parts * kTapSamples)};
  for (std::size_t part = 0; part < parts; ++part) {
    if (part > 0) CHECK(consumer_.try_pop_record(record));
    std::copy(record.samples.begin(), record.samples.end(),
              popped_.begin() + static_cast<std::ptrdiff_t>(part * kTapSamples));
  }
  return true;
}

}  // namespace trunkyard::engine
