// Recorder: the two sides of a leg as one recording. Takes pieces of 10 ms as taps copy them, each
// side by its own clock and at its own rate, and gives rows of 10 ms at the recording's rate: one
// channel with what was received or with both sides added, or two channels side by side. What is
// missing is silence, so that both sides stay in time.
//
//   take(side, position, piece) ──> rate ──> rows by position ──> next_row
//
// A core: no files, no clock. Rows leave in order: as soon as all sides are in, or when a side is
// kRecorderSkewRows behind the other.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/isa.h"
#include "base/limits.h"
#include "codec/pcm.h"
#include "codec/resampler.h"
#include "pipeline/audio_receiver.h"
#include "spool/segment.h"

namespace trunkyard::pipeline {

/// The sides of a leg.
enum class Side : std::uint8_t { kReceived, kSent };
inline constexpr std::size_t kSides = 2;

/// What becomes of them. Numbers as in contract.json.
enum class RecordedSound : std::uint8_t { kReceived, kMixed, kDual };

/// How far one side may be behind the other: longer than any turn is late.
inline constexpr std::uint32_t kRecorderSkewRows = 30;

struct RecorderSetup {
  RecordedSound sound = RecordedSound::kMixed;
  std::uint32_t rate_hz = 8'000;  ///< one that is_pcm_rate() accepts (CHECKed)
  Isa isa = Isa::kC;              ///< no more than best_isa()
};

/// 10 ms of a recording.
struct RecorderRow {
  std::uint32_t position = 0;  ///< in rows
  /// Of each channel, 10 ms at the recording's rate; empty where that side brought nothing. Until
  /// the recorder's next call.
  std::array<codec::Pcm, kRecordingChannelsMax> channels;
  /// Why nothing came, if nothing did.
  spool::GapReason reason = spool::GapReason::kNone;

  [[nodiscard]] bool empty() const noexcept { return channels[0].empty() && channels[1].empty(); }
};

/// Totals.
struct RecorderStatistics {
  std::uint64_t late = 0;  ///< pieces that came after their row had left
};

/// One recording's; one thread. Takes memory for half a second at construction.
class Recorder {
 public:
  explicit Recorder(const RecorderSetup& setup);

  /// @param position in rows since the recording began; of one side rising.
  /// @param rate_hz  of the piece, which is 10 ms long (CHECKed).
  /// @param before   why rows before this one are missing, if they are.
  /// @returns false, and nothing taken, when rows have to leave first: ask next_row() and come
  ///          again.
  [[nodiscard]] bool take(Side side, std::uint32_t position, std::uint32_t rate_hz,
                          codec::Pcm piece, spool::GapReason before) noexcept;
  /// Rows before this one have had their time, whether anything comes for them or not: they leave
  /// kRecorderSkewRows later.
  void pass(std::uint32_t position) noexcept { newest_ = std::max(newest_, position); }
  /// Nothing more comes; the recording ends before this row.
  void finish(std::uint32_t end) noexcept;

  /// The next row that may leave. @returns false when there is none.
  [[nodiscard]] bool next_row(RecorderRow& row) noexcept;

  [[nodiscard]] std::uint8_t channel_count() const noexcept {
    return setup_.sound == RecordedSound::kDual ? 2 : 1;
  }
  /// Samples of a row, of one channel.
  [[nodiscard]] std::size_t row_samples() const noexcept { return samples_; }
  [[nodiscard]] const RecorderStatistics& statistics() const noexcept { return statistics_; }

 private:
  static constexpr std::uint32_t kRowsMax = 2 * kRecorderSkewRows;
  /// What waits of one row.
  struct Waiting {
    std::array<bool, kSides> there = {};
    spool::GapReason before = spool::GapReason::kNone;
  };

  [[nodiscard]] codec::MutablePcm samples_of(std::uint32_t position, std::size_t side) noexcept;
  [[nodiscard]] bool is_complete(const Waiting& waiting) const noexcept;
  void convert(std::size_t side, std::uint32_t rate_hz, codec::Pcm piece,
               codec::MutablePcm into) noexcept;

  RecorderSetup setup_;
  std::size_t samples_;
  std::vector<std::int16_t> memory_;
  std::array<Waiting, kRowsMax> waiting_ = {};
  std::array<std::optional<codec::Resampler>, kSides> resamplers_;
  std::uint32_t head_ = 0;    ///< the next row to leave
  std::uint32_t newest_ = 0;  ///< after the newest that came
  bool finished_ = false;
  RecorderStatistics statistics_;
};

}  // namespace trunkyard::pipeline
