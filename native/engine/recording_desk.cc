#include "engine/recording_desk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "io/clock.h"

namespace trunkyard::engine {

using contract::RecordingEnd;

namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

/// How a recording ended that its file refused.
RecordingEnd end_of(ErrorCode code) noexcept {
  if (code == ErrorCode::kBufferFull) return RecordingEnd::kMaximum;
  return code == ErrorCode::kDiskFull ? RecordingEnd::kDiskFull : RecordingEnd::kFailed;
}

}  // namespace

RecordingDesk::Recording::Recording(const FileRequest& request, std::uint32_t for_lane, Isa isa)
    : feed(request.feed),
      recorder({.sound = static_cast<pipeline::RecordedSound>(request.sound),
                .rate_hz = request.rate_hz,
                .isa = isa}),
      lane(for_lane),
      answer({.kind = FileAnswer::Kind::kRecordingEnded,
              .epoch = request.epoch,
              .order = request.order,
              .endpoint = request.endpoint,
              .target = request.target}) {
  if (request.trims) trim.emplace(recorder.row_samples());
}

void RecordingDesk::start(std::uint32_t lane, const FileRequest& request, Instant now) {
  if (ended_.size() <= lane) ended_.resize(lane + 1);
  auto recording = std::make_unique<Recording>(request, lane, isa_);
  if (folder_ == nullptr || open_.size() >= kRecordingsMax) {
    fail(*recording, ErrorCode::kDiskFailed);
  } else {
    const std::int64_t unix_ns = now.ns() + io::epoch_offset_ns();
    Result<std::unique_ptr<RecordingFile>> file = RecordingFile::create(
        *folder_, {.name = request.name.data(),
                   .container = request.container,
                   .sound = static_cast<pipeline::RecordedSound>(request.sound),
                   .rate_hz = request.rate_hz,
                   .started_unix_ms = static_cast<std::uint64_t>(unix_ns / kNsPerMs),
                   .seed = io::random_seed(),
                   .isa = isa_});
    if (file) {
      recording->file = std::move(*file);
    } else {
      fail(*recording, file.error());
    }
  }
  open_.push_back(std::move(recording));
}

void RecordingDesk::write(Instant now) {
  for (const auto& recording : open_) {
    // Of those that end together each waits for the disk; the others go on speaking meanwhile.
    if (advance(*recording, now)) take_feeds(now);
  }
  for (const auto& recording : open_) {
    while (recording->file != nullptr && recording->file->has_unsaved()) {
      if (const Result<void> saved = recording->file->save(); !saved)
        fail(*recording, saved.error());
      take_feeds(now);
    }
  }
  std::erase_if(open_, [](const auto& recording) { return recording->feed == nullptr; });
}

void RecordingDesk::take_feeds(Instant now) {
  for (const auto& recording : open_)
    if (recording->feed != nullptr) take_feed(*recording, now);
}

/// @returns whether it has ended, and its file was made whole.
bool RecordingDesk::advance(Recording& recording, Instant now) {
  // Asked first: what is in the feed then is all there will be.
  const bool closed = recording.feed->closed();
  take_feed(recording, now);
  if (closed && recording.rows_left > 0) {
    recording.recorder.finish(recording.feed->length());
    (void)write_rows(recording, now);
  }
  if (recording.rows_left == 0) return false;
  if (!closed) {
    if (recording.file == nullptr) return false;
    const Result<void> written = recording.file->handle_deadline(now);
    if (!written) fail(recording, written.error());
    return false;
  }
  if (recording.file != nullptr) {
    recording.finished = true;
    const Result<void> cut = trim_end(recording);
    const Result<void> finished = recording.file->finish();
    if (cut && finished) {
      tell(recording, recording.feed->end());
    } else {
      fail(recording, cut ? finished.error() : cut.error());
    }
  }
  recording.feed.reset();
  return true;
}

Result<void> RecordingDesk::trim_end(Recording& recording) {
  if (!recording.trim) return {};
  recording.trim->finish();
  skip_rows(recording);
  return recording.trim->has_ended() ? recording.file->cut() : Result<void>();
}

void RecordingDesk::take_feed(Recording& recording, Instant now) {
  recording.rows_left = kRowsAtOnce;
  const std::uint32_t reached = recording.feed->reached();
  RecordingFeed::Piece piece;
  while (recording.piece || recording.feed->pop(piece)) {
    if (recording.file == nullptr) {
      recording.piece.reset();
      continue;
    }
    if (!recording.piece) recording.piece = piece;
    const RecordingFeed::Piece& next = *recording.piece;
    if (recording.recorder.take(next.side, next.position, next.rate_hz, next.samples, next.before))
      recording.piece.reset();
    if (!write_rows(recording, now)) return;
  }
  recording.recorder.pass(reached);
  (void)write_rows(recording, now);
}

bool RecordingDesk::write_rows(Recording& recording, Instant now) {
  pipeline::RecorderRow row;
  while (recording.file != nullptr && recording.rows_left > 0 && recording.recorder.next_row(row)) {
    --recording.rows_left;
    if (!recording.trim) {
      write_row(recording, now, row);
      continue;
    }
    pipeline::SilenceTrim& trim = *recording.trim;
    trim.take(row);
    skip_rows(recording);
    while (recording.file != nullptr && trim.next(row)) {
      write_row(recording, now, row);
      if (recording.file != nullptr && trim.ends_here()) recording.file->mark();
    }
  }
  return recording.file == nullptr || recording.rows_left > 0;
}

bool RecordingDesk::behind() const noexcept {
  return std::any_of(open_.begin(), open_.end(), [](const auto& recording) {
    return recording->rows_left == 0 || recording->feed->closed();
  });
}

void RecordingDesk::write_row(Recording& recording, Instant now, const pipeline::RecorderRow& row) {
  const Result<void> written = recording.file->write(now, row);
  if (!written) fail(recording, written.error());
}

void RecordingDesk::skip_rows(Recording& recording) {
  for (; recording.skipped < recording.trim->left_out(); ++recording.skipped)
    recording.file->skip();
}

/// Ends it for good; what can be saved is. The feed stays until the tap has let go of it.
void RecordingDesk::fail(Recording& recording, ErrorCode code) {
  recording.feed->refuse();
  tell(recording, end_of(code));
}

void RecordingDesk::tell(Recording& recording, RecordingEnd end) {
  FileAnswer& answer = recording.answer;
  if (recording.file != nullptr) {
    if (!recording.finished) (void)recording.file->finish();
    answer.duration_ms = static_cast<std::uint32_t>(recording.file->duration_ms());
    answer.trimmed_ms = static_cast<std::uint32_t>(recording.file->trimmed_ms());
    answer.bytes = recording.file->bytes();
  }
  const std::uint64_t lost = recording.feed->lost() + recording.recorder.statistics().late;
  answer.lost_ms = static_cast<std::uint32_t>(lost * pipeline::kPieceMs);
  answer.end = end;
  recording.file.reset();
  ended_[recording.lane].push_back(answer);
}

const FileAnswer* RecordingDesk::first_ended(std::size_t lane) const noexcept {
  return lane < ended_.size() && !ended_[lane].empty() ? &ended_[lane].front() : nullptr;
}

}  // namespace trunkyard::engine
