// RecordingDesk: the recordings that a host writes, each from its feed through a recorder to its
// file. One that the disk refuses ends alone. Used by the files thread alone.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/isa.h"
#include "base/time.h"
#include "engine/file_port.h"
#include "engine/recording_feed.h"
#include "engine/recording_file.h"
#include "io/folder.h"
#include "pipeline/recorder.h"
#include "pipeline/silence_trim.h"

namespace trunkyard::engine {

/// Rows of one recording that are written before it is the others' turn, a second of sound: the gap
/// of a recording that nothing came for in hours takes long to write, in Opus half a minute, and
/// the others' feeds must not overflow meanwhile.
inline constexpr std::uint32_t kRowsAtOnce = 100;

class RecordingDesk {
 public:
  /// @param folder null = every recording fails; else outlives the desk.
  RecordingDesk(io::Folder* folder, Isa isa) noexcept : folder_(folder), isa_(isa) {}

  /// @param request kRecord; its feed is the desk's from now on.
  /// @param lane    of the media thread that is to hear how it ended.
  void start(std::uint32_t lane, const FileRequest& request, Instant now);
  /// Takes what the feeds have and writes it, kRowsAtOnce of each; saves what is to be saved, and
  /// takes all feeds again after each wait for the disk.
  void write(Instant now);
  /// Whether one has more to be written than that, or has ended and isn't saved yet, so that
  /// write() should be called again at once.
  [[nodiscard]] bool behind() const noexcept;
  /// Takes what the feeds have, without waiting for the disk: after something else that took long.
  void take_feeds(Instant now);
  /// Recordings whose feeds are still here.
  [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }

  /// What is to be told to a lane; null = nothing.
  [[nodiscard]] const FileAnswer* first_ended(std::size_t lane) const noexcept;
  void pop_ended(std::size_t lane) noexcept { ended_[lane].pop_front(); }

 private:
  struct Recording {
    Recording(const FileRequest& request, std::uint32_t for_lane, Isa isa);
    std::unique_ptr<RecordingFeed> feed;
    pipeline::Recorder recorder;
    /// Taken out of the feed, but not by the recorder yet: rows have to leave first.
    std::optional<RecordingFeed::Piece> piece;
    /// Of kRowsAtOnce; 0 = it has more, and waits for its next turn.
    std::uint32_t rows_left = kRowsAtOnce;
    std::optional<pipeline::SilenceTrim> trim;
    std::uint32_t skipped = 0;  ///< rows that the file was told of as left out
    /// Null when there is no file, from the start or any more.
    std::unique_ptr<RecordingFile> file;
    bool finished = false;  ///< the file was, or was tried to be
    std::uint32_t lane;
    FileAnswer answer;
  };

  [[nodiscard]] bool advance(Recording& recording, Instant now);
  void take_feed(Recording& recording, Instant now);
  /// @returns false when some are left for the next turn.
  [[nodiscard]] bool write_rows(Recording& recording, Instant now);
  void write_row(Recording& recording, Instant now, const pipeline::RecorderRow& row);
  static void skip_rows(Recording& recording);
  [[nodiscard]] static Result<void> trim_end(Recording& recording);
  void fail(Recording& recording, ErrorCode code);
  void tell(Recording& recording, contract::RecordingEnd end);

  io::Folder* folder_;
  Isa isa_;
  std::vector<std::unique_ptr<Recording>> open_;
  std::vector<std::deque<FileAnswer>> ended_;  ///< by lane
};

}  // namespace trunkyard::engine
