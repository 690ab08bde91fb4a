#include "engine/segment_recording.h"

#include <array>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "io/append_file.h"
#include "spool/segment_writer.h"

namespace trunkyard::engine {

namespace {

using pipeline::RecorderRow;
using spool::GapReason;
using spool::SealKind;

spool::RecordingFacts facts_of(const RecordingPlan& plan) {
  spool::RecordingFacts facts{.id = {},
                              .format = {.kind = spool::PayloadKind::kPcm16,
                                         .rate_hz = plan.rate_hz,
                                         .channel_count = plan.channel_count()},
                              .started_unix_ms = plan.started_unix_ms};
  Prng prng(plan.seed);
  for (std::uint8_t& byte : facts.id)
    byte = static_cast<std::uint8_t>(prng.next_u32());
  return facts;
}

class SegmentRecording final : public RecordingFile {
 public:
  SegmentRecording(io::Folder& folder, const RecordingPlan& plan)
      : folder_(&folder),
        name_(plan.name),
        samples_(codec::samples_of(plan.rate_hz, pipeline::kPieceMs)),
        writer_(facts_of(plan), {.block_ms = kRecordingFlushMs}),
        output_(writer_.output_bytes_max()) {}
  [[nodiscard]] Result<void> begin() {
    std::array<char, 16> number;
    std::snprintf(number.data(), number.size(), ".%05u.seg", writer_.index());
    const std::string name = name_ + number.data();
    Result<io::AppendFile> file = io::AppendFile::create(*folder_, name.c_str());
    failed_ = !file.ok();
    if (failed_) return Error{file.error()};
    file_.emplace(std::move(*file));
    is_named_ = false;
    const Result<void> begun = put(writer_.open(output_).value());
    if (!begun) {
      // Nothing is in it; what is left of it would only hold its name.
      file_.reset();
      (void)folder_->remove(name.c_str());
    }
    return begun;
  }

  [[nodiscard]] Result<void> handle_deadline(Instant now) override {
    if (now < writer_.next_deadline()) return {};
    return put(writer_.handle_deadline(now, output_));
  }
  [[nodiscard]] Result<void> finish() override {
    // What the disk refused is missing in the row of blocks: a seal would promise it. The segment
    // reads up to there, as after a crash.
    const Result<void> sealed = failed_ ? Result<void>(Error{ErrorCode::kDiskFailed}) : seal_last();
    const Result<void> synced = file_ ? file_->sync() : Result<void>();
    const Result<void> saved = save_all();
    if (!sealed) return sealed;
    return synced ? saved : synced;
  }
  [[nodiscard]] bool has_unsaved() const noexcept override { return sealed_ || !is_named_; }
  [[nodiscard]] Result<void> save() override {
    if (sealed_) {
      const Result<void> synced = sealed_->sync();
      sealed_.reset();
      return synced;
    }
    is_named_ = true;
    return folder_->sync();
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept override {
    return bytes_ + (file_ ? file_->size() : 0);
  }

 protected:
  [[nodiscard]] Result<void> write_row(Instant now, const RecorderRow& row) override {
    if (is_last() && writer_.is_full()) return roll();
    if (row.empty()) {
      ++gap_rows_;
      return {};
    }
    if (const Result<void> written = end_gap(row.position, row.reason); !written) return written;
    for (std::uint8_t channel = 0; channel < row.channels.size(); ++channel) {
      const codec::Pcm from = row.channels[channel];
      if (from.empty()) continue;
      const spool::Piece piece{
          .channel = channel,
          .position = std::uint64_t{row.position} * samples_,
          .samples = static_cast<std::uint32_t>(samples_),
          .bytes = {reinterpret_cast<const std::uint8_t*>(from.data()), 2 * from.size()}};
      if (const Result<void> rolled = roll(); !rolled) return rolled;
      const spool::Appended appended = writer_.append(now, piece, output_);
      if (const Result<void> written = put(appended.to_write); !written) return written;
    }
    return {};
  }
  void skip_row() override {
    ++gap_rows_;
    gap_is_silence_ = true;
  }

 private:
  [[nodiscard]] Result<void> put(Bytes bytes) {
    if (bytes.empty()) return {};
    const Result<void> written = file_->append(bytes);
    failed_ = failed_ || !written.ok();
    return written;
  }
  /// Whether no other segment may follow.
  [[nodiscard]] bool is_last() const noexcept { return writer_.index() + 1 >= kSegmentsMax; }
  [[nodiscard]] Result<void> seal_last() {
    if (is_over_) return {};
    const Result<void> ended = end_gap(rows(), GapReason::kNone);
    return ended ? put(writer_.seal(SealKind::kEndsRecording, output_)) : ended;
  }
  /// Goes on in the next segment when this one has its length. @returns kBufferFull when there is
  /// none; the recording ends with this one, which is whole.
  [[nodiscard]] Result<void> roll() {
    if (!writer_.is_full()) return {};
    if (is_last()) {
      is_over_ = true;
      const Result<void> sealed = put(writer_.seal(SealKind::kEndsRecording, output_));
      return sealed ? Result<void>(Error{ErrorCode::kBufferFull}) : sealed;
    }
    // Long since done, unless what came in one go fills more than a segment.
    if (const Result<void> saved = save_all(); !saved) return saved;
    if (const Result<void> sealed = put(writer_.seal(SealKind::kGoesOn, output_)); !sealed)
      return sealed;
    bytes_ += file_->size();
    sealed_ = std::exchange(file_, std::nullopt);
    return begin();
  }
  [[nodiscard]] Result<void> save_all() {
    Result<void> saved;
    while (saved && has_unsaved())
      saved = save();
    return saved;
  }
  /// @param position of the row that comes after it.
  [[nodiscard]] Result<void> end_gap(std::uint64_t position, GapReason reason) {
    if (gap_rows_ == 0) return {};
    if (const Result<void> rolled = roll(); !rolled) return rolled;
    const std::uint64_t rows = std::exchange(gap_rows_, 0);
    if (std::exchange(gap_is_silence_, false)) reason = GapReason::kSilence;
    return put(writer_
                   .gap({.position = (position - rows) * samples_,
                         .samples = rows * samples_,
                         .reason = reason},
                        output_)
                   .to_write);
  }

  io::Folder* folder_;
  std::string name_;
  std::size_t samples_;
  spool::SegmentWriter writer_;
  std::vector<std::uint8_t> output_;
  std::optional<io::AppendFile> file_;    ///< none when the next one couldn't be made
  std::optional<io::AppendFile> sealed_;  ///< the one before, to be saved
  bool is_named_ = true;                  ///< on the disk, too
  std::uint64_t bytes_ = 0;               ///< of the segments before
  std::uint64_t gap_rows_ = 0;
  bool gap_is_silence_ = false;  ///< left out on order
  bool failed_ = false;
  bool is_over_ = false;  ///< sealed for good
};

}  // namespace

Result<std::unique_ptr<RecordingFile>> create_segment_recording(io::Folder& folder,
                                                                const RecordingPlan& plan) {
  auto recording = std::make_unique<SegmentRecording>(folder, plan);
  if (const Result<void> begun = recording->begin(); !begun) return Error{begun.error()};
  return std::unique_ptr<RecordingFile>(std::move(recording));
}

}  // namespace trunkyard::engine
