#include "engine/recording_file.h"

#include "base/check.h"
#include "engine/ogg_recording.h"
#include "engine/segment_recording.h"
#include "engine/wav_recording.h"

namespace trunkyard::engine {

using contract::RecordingContainer;
using pipeline::RecorderRow;

bool can_hold(RecordingContainer container, pipeline::RecordedSound sound,
              std::uint32_t rate_hz) noexcept {
  switch (container) {
    case RecordingContainer::kWav:
    case RecordingContainer::kSegments:
      return true;
    case RecordingContainer::kWavPcmu:
    case RecordingContainer::kWavPcma:
      return rate_hz == 8'000;
    case RecordingContainer::kOggOpus:
      return sound != pipeline::RecordedSound::kDual;
  }
  return false;
}

Result<std::unique_ptr<RecordingFile>> RecordingFile::create(io::Folder& folder,
                                                             const RecordingPlan& plan) {
  CHECK(can_hold(plan.container, plan.sound, plan.rate_hz));
  switch (plan.container) {
    case RecordingContainer::kWav:
    case RecordingContainer::kWavPcmu:
    case RecordingContainer::kWavPcma:
      break;
    case RecordingContainer::kOggOpus:
      return create_ogg_recording(folder, plan);
    case RecordingContainer::kSegments:
      return create_segment_recording(folder, plan);
  }
  return create_wav_recording(folder, plan);
}

Result<void> RecordingFile::write(Instant now, const RecorderRow& row) {
  CHECK(row.position == rows_);
  const Result<void> written = write_row(now, row);
  if (written) ++rows_;
  return written;
}

void RecordingFile::skip() {
  CHECK(skipped_ == rows_);
  ++rows_;
  ++skipped_;
  skip_row();
}

void RecordingFile::mark() {
  marked_ = rows_;
  mark_end();
}

Result<void> RecordingFile::cut() {
  if (marked_ == kNoMark) return {};
  const Result<bool> taken_back = cut_to_mark();
  if (!taken_back) return Error{taken_back.error()};
  if (*taken_back) cut_ = rows_ - marked_;
  return {};
}

}  // namespace trunkyard::engine
