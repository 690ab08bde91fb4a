#include "engine/ogg_recording.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "codec/codec.h"
#include "engine/part_file.h"
#include "spool/ogg_writer.h"

namespace trunkyard::engine {

namespace {

using pipeline::RecorderRow;

constexpr std::uint32_t kFrameMs = 20;

class OggRecording final : public RecordingFile {
 public:
  OggRecording(PartFile file, codec::Encoder encoder, const RecordingPlan& plan)
      : file_(std::move(file)),
        encoder_(std::move(encoder)),
        samples_(encoder_.frame_samples()),
        scale_(spool::kOggOpusRateHz / plan.rate_hz),
        head_({.pre_skip = static_cast<std::uint16_t>(encoder_.opus()->delay_samples() * scale_),
               .input_rate_hz = plan.rate_hz}),
        writer_(head_, static_cast<std::uint32_t>(plan.seed)),
        page_(spool::kOggPageBytesMax) {
    frame_.reserve(samples_);
  }
  [[nodiscard]] Result<void> begin() {
    const Result<void> written = put(writer_.open(page_));
    if (!written) file_.discard();
    return written;
  }

  [[nodiscard]] Result<void> handle_deadline(Instant) override { return {}; }
  [[nodiscard]] Result<void> finish() override {
    const std::uint64_t wanted = granule_of(end_.value_or(sound_ + frame_.size()));
    // The encoder is behind: what it still holds comes out with silence behind it.
    while (writer_.samples() < wanted) {
      if (const Result<void> encoded = encode(); !encoded) return close(encoded, 0);
    }
    return close({}, static_cast<std::uint32_t>(writer_.samples() - wanted));
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept override { return file_.file().size(); }

 protected:
  [[nodiscard]] Result<void> write_row(Instant, const RecorderRow& row) override {
    const codec::Pcm from = row.channels[0];
    if (from.empty()) {
      frame_.resize(frame_.size() + samples_ * pipeline::kPieceMs / kFrameMs);
    } else {
      frame_.insert(frame_.end(), from.begin(), from.end());
    }
    if (frame_.size() < samples_) return {};
    sound_ += samples_;
    return encode();
  }
  void mark_end() override {
    if (!mark_) mark_.emplace(head_, writer_.serial());
    mark_->end = sound_ + frame_.size();
    mark_->is_reached = false;
  }
  [[nodiscard]] Result<bool> cut_to_mark() override {
    end_ = mark_->end;
    if (!mark_->is_reached) return true;
    const Result<void> cut = file_.file().truncate(mark_->file_bytes);
    if (!cut) return Error{cut.error()};
    writer_.copy_state(mark_->writer);
    return true;
  }

 private:
  /// Where the file may be cut off: the writer as it was when all sound up to there had come out of
  /// the encoder.
  struct Mark {
    Mark(const spool::OpusHead& head, std::uint32_t serial) : writer(head, serial) {}
    std::uint64_t end = 0;  ///< in samples of the recording
    bool is_reached = false;
    spool::OggOpusWriter writer;
    std::uint64_t file_bytes = 0;
  };

  /// Where a sample of the recording ends in the file.
  [[nodiscard]] std::uint64_t granule_of(std::uint64_t samples) const noexcept {
    return head_.pre_skip + samples * scale_;
  }
  [[nodiscard]] Result<void> put(Bytes page) {
    return page.empty() ? Result<void>() : file_.file().append(page);
  }
  [[nodiscard]] Result<void> encode() {
    frame_.resize(samples_);
    const Result<codec::Encoder::Encoded> encoded = encoder_.encode(frame_, packet_);
    frame_.clear();
    if (!encoded) return Error{ErrorCode::kDiskFailed};
    const Result<Bytes> page = writer_.append(Bytes(packet_).first(encoded->bytes),
                                              static_cast<std::uint32_t>(samples_ * scale_), page_);
    if (!page) return Error{page.error()};
    const Result<void> written = put(*page);
    if (written) reach_mark();
    return written;
  }
  void reach_mark() noexcept {
    if (!mark_ || mark_->is_reached || writer_.samples() < granule_of(mark_->end)) return;
    mark_->is_reached = true;
    mark_->writer.copy_state(writer_);
    mark_->file_bytes = file_.file().size();
  }
  [[nodiscard]] Result<void> close(const Result<void>& so_far, std::uint32_t trimmed) {
    const Result<void> last = put(writer_.finish(trimmed, page_));
    const Result<void> finished = file_.finish();
    if (!so_far) return so_far;
    return last ? finished : last;
  }

  PartFile file_;
  codec::Encoder encoder_;
  std::size_t samples_;
  std::uint32_t scale_;
  spool::OpusHead head_;
  spool::OggOpusWriter writer_;
  std::vector<std::uint8_t> page_;
  std::vector<std::int16_t> frame_;
  std::uint64_t sound_ = 0;  ///< samples of the recording
  std::optional<Mark> mark_;
  std::optional<std::uint64_t> end_;  ///< in samples, when it was cut
  std::array<std::uint8_t, codec::kOpusPayloadBytesMax> packet_ = {};
};

}  // namespace

Result<std::unique_ptr<RecordingFile>> create_ogg_recording(io::Folder& folder,
                                                            const RecordingPlan& plan) {
  Result<codec::Encoder> encoder = codec::Encoder::open(
      {.format = {codec::CodecKind::kOpus, plan.rate_hz},
       .frame_ms = kFrameMs,
       .isa = plan.isa,
       .opus = codec::opus_policy({.ptime_ms = kFrameMs},
                                  {.source_rate_hz = plan.rate_hz, .dtx_allowed = false})});
  if (!encoder) return Error{encoder.error()};
  Result<PartFile> file = PartFile::create(folder, plan.name);
  if (!file) return Error{file.error()};
  auto recording = std::make_unique<OggRecording>(std::move(*file), std::move(*encoder), plan);
  if (const Result<void> begun = recording->begin(); !begun) return Error{begun.error()};
  return std::unique_ptr<RecordingFile>(std::move(recording));
}

}  // namespace trunkyard::engine
