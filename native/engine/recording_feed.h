// RecordingFeed: what a tap copies of one leg, on its way from the media thread to the files
// thread. The media thread never waits: without room a piece is lost, counted, and the recording
// says so. It is done with the feed when it has closed it; the files thread then takes out what is
// left and deletes it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/spsc.h"
#include "codec/pcm.h"
#include "engine/contract.gen.h"
#include "engine/file_port.h"
#include "pipeline/recorder.h"

namespace trunkyard::engine {

/// Samples in one record: 10 ms at the lowest rate; other pieces take several.
inline constexpr std::size_t kTapSamples = 80;

class RecordingFeed {
 public:
  struct Piece {
    pipeline::Side side = pipeline::Side::kReceived;
    std::uint32_t position = 0;  ///< in pieces since the recording began
    std::uint32_t rate_hz = 8'000;
    spool::GapReason before = spool::GapReason::kNone;
    codec::Pcm samples;
  };

  /// Takes its memory: 180 KB for each 8 kHz, which holds five seconds of both sides.
  /// @param rate_hz the highest of what is recorded, as far as it is known: 8,000, 16,000 or
  ///                48,000. Pieces of a higher one have less time.
  explicit RecordingFeed(std::uint32_t rate_hz);

  // The media thread.

  /// @returns false, counted, when there is no room.
  bool push(const Piece& piece) noexcept;
  /// Time has passed up to this position, which only rises: nothing more comes before it.
  void reach(std::uint32_t position) noexcept {
    reached_.store(position, std::memory_order_release);
  }
  /// The last call of this side. @param length in pieces.
  void close(contract::RecordingEnd end, std::uint32_t length) noexcept;
  /// The disk refused: nothing more is wanted.
  [[nodiscard]] bool refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

  // The files thread.

  /// The oldest piece; its samples lie in the feed until the next call. @returns false when none.
  [[nodiscard]] bool pop(Piece& piece) noexcept;
  /// How far time has passed without pieces, 0 while it hasn't. To be asked before pop(): what came
  /// before that is in the feed then.
  [[nodiscard]] std::uint32_t reached() const noexcept {
    return reached_.load(std::memory_order_acquire);
  }
  void refuse() noexcept { refused_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  /// Once it is closed.
  [[nodiscard]] contract::RecordingEnd end() const noexcept { return end_; }
  [[nodiscard]] std::uint32_t length() const noexcept { return length_; }
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }

 private:
  struct alignas(8) Record {
    std::uint32_t position = 0;
    std::uint32_t rate_hz = 0;
    pipeline::Side side = pipeline::Side::kReceived;
    spool::GapReason before = spool::GapReason::kNone;
    std::uint16_t unused = 0;
    std::uint32_t unused_too = 0;
    std::array<std::int16_t, kTapSamples> samples = {};
  };
  static constexpr std::size_t kPartsMax = pipeline::kPieceSamplesMax / kTapSamples;

  RingStore store_;
  SpscProducer producer_;
  SpscConsumer consumer_;
  std::atomic<std::uint64_t> lost_ = 0;
  std::atomic<std::uint32_t> reached_ = 0;
  std::atomic<bool> refused_ = false;
  std::atomic<bool> closed_ = false;
  contract::RecordingEnd end_ = contract::RecordingEnd::kStopped;
  std::uint32_t length_ = 0;
  std::array<std::int16_t, pipeline::kPieceSamplesMax> popped_ = {};
};

}  // namespace trunkyard::engine
