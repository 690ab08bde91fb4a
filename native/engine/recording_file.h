// RecordingFile: a recording on its way to the disk, in one of several containers. To be used on
// the files thread alone.
//
//   WAV        PCM of 16 bits or G.711 (wav_recording.h)
//   Ogg Opus   (ogg_recording.h)
//   segments   readable at any moment up to the last half second (segment_recording.h)
//
// Silence at both ends may be left out:
//
//   skip() ... write() ... mark() ... write() ...           cut()  finish()
//   no sound   sound       here it    silence so far, or it
//   yet                    may end    was none: mark() again
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/isa.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/contract.gen.h"
#include "io/folder.h"
#include "pipeline/recorder.h"

namespace trunkyard::engine {

/// Of what is written in one go, so that a killed process costs a second at most.
inline constexpr std::uint32_t kRecordingFlushMs = 500;

struct RecordingPlan {
  std::string name;  ///< read_file_name() has taken it
  contract::RecordingContainer container = contract::RecordingContainer::kWav;
  pipeline::RecordedSound sound = pipeline::RecordedSound::kMixed;
  std::uint32_t rate_hz = 8'000;
  std::uint64_t started_unix_ms = 0;
  /// For a recording's id and a stream's number.
  std::uint64_t seed = 0;
  Isa isa = Isa::kC;

  [[nodiscard]] std::uint8_t channel_count() const noexcept {
    return sound == pipeline::RecordedSound::kDual ? 2 : 1;
  }
};

/// Whether a container can hold a sound at a rate: G.711 has 8 kHz, Opus one channel.
[[nodiscard]] bool can_hold(contract::RecordingContainer container, pipeline::RecordedSound sound,
                            std::uint32_t rate_hz) noexcept;

class RecordingFile {
 public:
  /// @param folder outlives the file. @param plan one that can_hold() takes (CHECKed).
  /// @returns kDiskFull or kDiskFailed, also when there is a file of that name.
  [[nodiscard]] static Result<std::unique_ptr<RecordingFile>> create(io::Folder& folder,
                                                                     const RecordingPlan& plan);
  virtual ~RecordingFile() = default;
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;

  /// Rows in their order, none left out (CHECKed), but those skipped.
  /// @returns kDiskFull or kDiskFailed; then there is only finish() left, which saves what can be
  ///          saved. kBufferFull when the container holds no more: finish() makes it whole.
  [[nodiscard]] Result<void> write(Instant now, const pipeline::RecorderRow& row);
  /// A row of silence that is left out: before all that are written (CHECKed). Where positions
  /// stand for the time of day, it is a gap that says why.
  void skip();
  /// The recording may end here: what is written from now on may turn out to be nothing but
  /// silence. Holds until the next mark().
  void mark();
  /// Takes back what was written since mark(), if that was called, where the container can. Before
  /// finish(), if at all. @returns as write().
  [[nodiscard]] Result<void> cut();
  /// Whether some of it waits to be saved. Only create(), save() and finish() wait for the disk:
  /// what is written meanwhile is the kernel's.
  [[nodiscard]] virtual bool has_unsaved() const noexcept { return false; }
  /// Saves some of that: one wait for the disk. @returns as write().
  [[nodiscard]] virtual Result<void> save() { return {}; }
  /// What is due by now although nothing came.
  [[nodiscard]] virtual Result<void> handle_deadline(Instant now) = 0;
  /// Makes it whole. To be called once, last. @returns as write().
  [[nodiscard]] virtual Result<void> finish() = 0;

  [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
  /// Without what was left out.
  [[nodiscard]] std::uint64_t duration_ms() const noexcept {
    return (rows_ - skipped_ - cut_) * pipeline::kPieceMs;
  }
  /// What was left out, at both ends together.
  [[nodiscard]] std::uint64_t trimmed_ms() const noexcept {
    return (skipped_ + cut_) * pipeline::kPieceMs;
  }

 protected:
  RecordingFile() = default;
  [[nodiscard]] virtual Result<void> write_row(Instant now, const pipeline::RecorderRow& row) = 0;
  virtual void skip_row() {}
  virtual void mark_end() {}
  /// @returns whether it did, or why it couldn't.
  [[nodiscard]] virtual Result<bool> cut_to_mark() { return false; }
  /// All rows so far, those skipped too.
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

 private:
  static constexpr std::uint64_t kNoMark = ~std::uint64_t{0};

  std::uint64_t rows_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t marked_ = kNoMark;  ///< as rows_ was
  std::uint64_t cut_ = 0;
};

}  // namespace trunkyard::engine
