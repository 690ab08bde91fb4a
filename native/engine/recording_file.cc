#include "engine/recording_file.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/prng.h"
#include "codec/codec.h"
#include "io/append_file.h"
#include "spool/ogg_writer.h"
#include "spool/segment_writer.h"
#include "spool/wav.h"

namespace trunkyard::engine {

using pipeline::RecordedSound;
using pipeline::RecorderRow;

namespace {

/// Of what is written in one go, so that a killed process costs a second at most.
constexpr std::uint32_t kFlushMs = 500;
constexpr std::uint32_t kOpusFrameMs = 20;

std::uint8_t channels_of(RecordedSound sound) noexcept {
  return sound == RecordedSound::kDual ? 2 : 1;
}

/// A file that has another name while it grows.
class PartFile {
 public:
  [[nodiscard]] static Result<PartFile> create(io::Folder& folder, const std::string& name) {
    Result<io::AppendFile> file = io::AppendFile::create(folder, part_of(name).c_str());
    if (!file) return Error{file.error()};
    return PartFile(folder, name, std::move(*file));
  }
  [[nodiscard]] io::AppendFile& file() noexcept { return file_; }
  [[nodiscard]] const io::AppendFile& file() const noexcept { return file_; }
  [[nodiscard]] Result<void> finish() {
    const Result<void> synced = file_.sync();
    const Result<void> moved = folder_->rename(part_of(name_).c_str(), name_.c_str());
    return synced ? moved : synced;
  }

 private:
  PartFile(io::Folder& folder, std::string name, io::AppendFile file)
      : folder_(&folder), name_(std::move(name)), file_(std::move(file)) {}
  [[nodiscard]] static std::string part_of(const std::string& name) { return name + ".part"; }

  io::Folder* folder_;
  std::string name_;
  io::AppendFile file_;
};

class WavRecording final : public RecordingFile {
 public:
  WavRecording(PartFile file, const RecordingPlan& plan)
      : file_(std::move(file)),
        format_({.kind = spool::PayloadKind::kPcm16,
                 .rate_hz = plan.rate_hz,
                 .channel_count = channels_of(plan.sound)}) {
    pending_.reserve(format_.bytes_of(format_.samples_of_ms(kFlushMs)) * format_.channel_count);
  }
  [[nodiscard]] Result<void> begin() { return file_.file().append(header(std::nullopt)); }

  [[nodiscard]] Result<void> write_row(Instant, const RecorderRow& row) override {
    const std::size_t samples = codec::samples_of(format_.rate_hz, pipeline::kPieceMs);
    for (std::size_t index = 0; index < samples; ++index) {
      for (std::uint8_t channel = 0; channel < format_.channel_count; ++channel) {
        const codec::Pcm from = row.channels[channel];
        const auto sample = static_cast<std::uint16_t>(from.empty() ? 0 : from[index]);
        pending_.push_back(static_cast<std::uint8_t>(sample));
        pending_.push_back(static_cast<std::uint8_t>(sample >> 8));
      }
    }
    return pending_.size() < pending_.capacity() ? Result<void>() : flush();
  }
  [[nodiscard]] Result<void> handle_deadline(Instant) override { return {}; }
  [[nodiscard]] Result<void> finish() override {
    const Result<void> flushed = flush();
    const Result<void> headed = file_.file().overwrite_start(header(data_bytes_));
    const Result<void> finished = file_.finish();
    if (!flushed) return flushed;
    return headed ? finished : headed;
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept override { return file_.file().size(); }

 private:
  [[nodiscard]] Bytes header(std::optional<std::uint64_t> data_bytes) {
    return spool::write_wav_header(header_, format_, data_bytes);
  }
  [[nodiscard]] Result<void> flush() {
    if (pending_.empty()) return {};
    const Result<void> written = file_.file().append(pending_);
    if (written) data_bytes_ += pending_.size();
    pending_.clear();
    return written;
  }

  PartFile file_;
  spool::MediaFormat format_;
  std::vector<std::uint8_t> pending_;
  std::uint64_t data_bytes_ = 0;
  std::array<std::uint8_t, spool::kWavHeaderBytesMax> header_ = {};
};

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
  [[nodiscard]] Result<void> begin() { return put(writer_.open(page_)); }

  [[nodiscard]] Result<void> write_row(Instant, const RecorderRow& row) override {
    const codec::Pcm from = row.channels[0];
    if (from.empty()) {
      frame_.resize(frame_.size() + samples_ * pipeline::kPieceMs / kOpusFrameMs);
    } else {
      frame_.insert(frame_.end(), from.begin(), from.end());
    }
    if (frame_.size() < samples_) return {};
    sound_ += samples_;
    return encode();
  }
  [[nodiscard]] Result<void> handle_deadline(Instant) override { return {}; }
  [[nodiscard]] Result<void> finish() override {
    sound_ += frame_.size();
    // The encoder is behind: what it still holds comes out with silence behind it.
    Result<void> written;
    const std::uint64_t wanted = head_.pre_skip + sound_ * scale_;
    while (writer_.samples() < wanted && written.ok()) {
      const Result<void> encoded = encode();
      if (!encoded) return close(encoded, 0);
    }
    return close({}, static_cast<std::uint32_t>(writer_.samples() - wanted));
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept override { return file_.file().size(); }

 private:
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
    return page ? put(*page) : Result<void>(Error{page.error()});
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
  std::array<std::uint8_t, codec::kOpusPayloadBytesMax> packet_ = {};
};

class SegmentRecording final : public RecordingFile {
 public:
  SegmentRecording(io::Folder& folder, const RecordingPlan& plan)
      : folder_(&folder),
        name_(plan.name),
        samples_(codec::samples_of(plan.rate_hz, pipeline::kPieceMs)),
        writer_(facts_of(plan), {.block_ms = kFlushMs}),
        output_(writer_.output_bytes_max()) {}
  [[nodiscard]] Result<void> begin() {
    std::array<char, 16> number;
    std::snprintf(number.data(), number.size(), ".%05u.seg", writer_.index());
    Result<io::AppendFile> file = io::AppendFile::create(*folder_, (name_ + number.data()).c_str());
    failed_ = !file.ok();
    if (failed_) return Error{file.error()};
    if (file_) bytes_ += file_->size();
    file_.emplace(std::move(*file));
    const Result<Bytes> header = writer_.open(output_);
    return header ? put(*header) : Result<void>(Error{ErrorCode::kDiskFull});
  }

  [[nodiscard]] Result<void> write_row(Instant now, const RecorderRow& row) override {
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
  [[nodiscard]] Result<void> handle_deadline(Instant now) override {
    if (now < writer_.next_deadline()) return {};
    return put(writer_.handle_deadline(now, output_));
  }
  [[nodiscard]] Result<void> finish() override {
    // What the disk refused is missing in the row of blocks: a seal would promise it. The segment
    // reads up to there, as after a crash.
    if (failed_) return Error{ErrorCode::kDiskFailed};
    const auto end = static_cast<std::uint32_t>(duration_ms() / pipeline::kPieceMs);
    const Result<void> ended = end_gap(end, spool::GapReason::kNone);
    const Result<void> sealed = seal(spool::SealKind::kEndsRecording);
    return ended ? sealed : ended;
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept override {
    return bytes_ + (file_ ? file_->size() : 0);
  }

 private:
  [[nodiscard]] static spool::RecordingFacts facts_of(const RecordingPlan& plan) {
    spool::RecordingFacts facts{.id = {},
                                .format = {.kind = spool::PayloadKind::kPcm16,
                                           .rate_hz = plan.rate_hz,
                                           .channel_count = channels_of(plan.sound)},
                                .started_unix_ms = plan.started_unix_ms};
    Prng prng(plan.seed);
    for (std::uint8_t& byte : facts.id)
      byte = static_cast<std::uint8_t>(prng.next_u32());
    return facts;
  }
  [[nodiscard]] Result<void> put(Bytes bytes) {
    if (bytes.empty()) return {};
    const Result<void> written = file_->append(bytes);
    failed_ = failed_ || !written.ok();
    return written;
  }
  /// Goes on in the next segment when this one has its length.
  [[nodiscard]] Result<void> roll() {
    if (!writer_.is_full()) return {};
    if (const Result<void> sealed = seal(spool::SealKind::kGoesOn); !sealed) return sealed;
    return begin();
  }
  /// @param position of the row that comes after it.
  [[nodiscard]] Result<void> end_gap(std::uint32_t position, spool::GapReason reason) {
    if (gap_rows_ == 0) return {};
    if (const Result<void> rolled = roll(); !rolled) return rolled;
    const std::uint64_t rows = std::exchange(gap_rows_, 0);
    return put(writer_
                   .gap({.position = (position - rows) * samples_,
                         .samples = rows * samples_,
                         .reason = reason},
                        output_)
                   .to_write);
  }
  [[nodiscard]] Result<void> seal(spool::SealKind kind) {
    const Result<void> written = put(writer_.seal(kind, output_));
    const Result<void> synced = file_->sync();
    return written ? synced : written;
  }

  io::Folder* folder_;
  std::string name_;
  std::size_t samples_;
  spool::SegmentWriter writer_;
  std::vector<std::uint8_t> output_;
  std::optional<io::AppendFile> file_;
  std::uint64_t bytes_ = 0;  ///< of the segments before
  std::uint64_t gap_rows_ = 0;
  bool failed_ = false;
};

template <typename Recording>
Result<std::unique_ptr<RecordingFile>> begun(std::unique_ptr<Recording> recording) {
  if (const Result<void> written = recording->begin(); !written) return Error{written.error()};
  return std::unique_ptr<RecordingFile>(std::move(recording));
}

}  // namespace

Result<std::unique_ptr<RecordingFile>> RecordingFile::create(io::Folder& folder,
                                                             const RecordingPlan& plan) {
  if (plan.container == contract::RecordingContainer::kSegments)
    return begun(std::make_unique<SegmentRecording>(folder, plan));
  const bool is_opus = plan.container == contract::RecordingContainer::kOggOpus;
  if (is_opus && channels_of(plan.sound) != 1) return Error{ErrorCode::kConfigInvalid};
  Result<PartFile> file = PartFile::create(folder, plan.name);
  if (!file) return Error{file.error()};
  if (!is_opus) return begun(std::make_unique<WavRecording>(std::move(*file), plan));
  Result<codec::Encoder> encoder = codec::Encoder::open(
      {.format = {codec::CodecKind::kOpus, plan.rate_hz},
       .frame_ms = kOpusFrameMs,
       .isa = plan.isa,
       .opus = codec::opus_policy({.ptime_ms = kOpusFrameMs},
                                  {.source_rate_hz = plan.rate_hz, .dtx_allowed = false})});
  if (!encoder) return Error{encoder.error()};
  return begun(std::make_unique<OggRecording>(std::move(*file), std::move(*encoder), plan));
}

Result<void> RecordingFile::write(Instant now, const RecorderRow& row) {
  CHECK(row.position == rows_);
  ++rows_;
  return write_row(now, row);
}

}  // namespace trunkyard::engine
