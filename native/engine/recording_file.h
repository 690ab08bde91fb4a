// RecordingFile: a recording on its way to the disk, in one of three containers. To be used on the
// files thread alone.
//
//   WAV        PCM of 16 bits; grows as <name>.part, header made good and moved to <name> at the
//   end Ogg Opus   one channel; grows as <name>.part, moved to <name> at the end segments
//   <name>.00000.seg, <name>.00001.seg ...: readable at any moment up to the last half
//              second, and known to be whole by their seals
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

struct RecordingPlan {
  std::string name;  ///< read_file_name() has taken it
  contract::RecordingContainer container = contract::RecordingContainer::kWav;
  pipeline::RecordedSound sound = pipeline::RecordedSound::kMixed;
  std::uint32_t rate_hz = 8'000;
  std::uint64_t started_unix_ms = 0;
  /// For a recording's id and a stream's number.
  std::uint64_t seed = 0;
  Isa isa = Isa::kC;
};

class RecordingFile {
 public:
  /// @param folder outlives the file.
  /// @returns kDiskFull or kDiskFailed, also when a file of that name is being written already;
  ///          kConfigInvalid for two channels of Opus.
  [[nodiscard]] static Result<std::unique_ptr<RecordingFile>> create(io::Folder& folder,
                                                                     const RecordingPlan& plan);
  virtual ~RecordingFile() = default;
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;

  /// Rows in their order, none left out. @returns kDiskFull or kDiskFailed; then there is only
  /// finish() left, which saves what can be saved.
  [[nodiscard]] Result<void> write(Instant now, const pipeline::RecorderRow& row);
  /// What is due by now although nothing came.
  [[nodiscard]] virtual Result<void> handle_deadline(Instant now) = 0;
  /// Makes it whole. To be called once, last.
  [[nodiscard]] virtual Result<void> finish() = 0;

  [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
  [[nodiscard]] std::uint64_t duration_ms() const noexcept { return rows_ * pipeline::kPieceMs; }

 protected:
  RecordingFile() = default;
  [[nodiscard]] virtual Result<void> write_row(Instant now, const pipeline::RecorderRow& row) = 0;

 private:
  std::uint64_t rows_ = 0;
};

}  // namespace trunkyard::engine
