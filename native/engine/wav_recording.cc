#include "engine/wav_recording.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "codec/g711.h"
#include "engine/part_file.h"
#include "spool/wav.h"

namespace trunkyard::engine {

namespace {

using pipeline::RecorderRow;

spool::MediaFormat format_of(const RecordingPlan& plan) noexcept {
  spool::PayloadKind kind = spool::PayloadKind::kPcm16;
  if (plan.container == contract::RecordingContainer::kWavPcmu) kind = spool::PayloadKind::kPcmu;
  if (plan.container == contract::RecordingContainer::kWavPcma) kind = spool::PayloadKind::kPcma;
  return {.kind = kind, .rate_hz = plan.rate_hz, .channel_count = plan.channel_count()};
}

class WavRecording final : public RecordingFile {
 public:
  WavRecording(PartFile file, const RecordingPlan& plan)
      : file_(std::move(file)), format_(format_of(plan)), g711_(plan.isa) {
    pending_.reserve(flush_bytes_);
  }
  [[nodiscard]] Result<void> begin() {
    const Result<void> written = file_.file().append(header(std::nullopt));
    if (!written) file_.discard();
    header_bytes_ = file_.file().size();
    return written;
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

 protected:
  [[nodiscard]] Result<void> write_row(Instant, const RecorderRow& row) override {
    const std::size_t bytes = format_.bytes_of(samples_) * format_.channel_count;
    const std::size_t before = pending_.size();
    pending_.resize(before + bytes);
    const MutableBytes into = MutableBytes(pending_).subspan(before);
    for (std::uint8_t channel = 0; channel < format_.channel_count; ++channel)
      put_channel(row.channels[channel], channel, into);
    return pending_.size() < flush_bytes_ ? Result<void>() : flush();
  }
  void mark_end() override { marked_bytes_ = data_bytes_ + pending_.size(); }
  [[nodiscard]] Result<bool> cut_to_mark() override {
    if (marked_bytes_ >= data_bytes_) {
      pending_.resize(marked_bytes_ - data_bytes_);
      return true;
    }
    const Result<void> cut = file_.file().truncate(header_bytes_ + marked_bytes_);
    if (!cut) return Error{cut.error()};
    pending_.clear();
    data_bytes_ = marked_bytes_;
    return true;
  }

 private:
  /// Samples of one channel, each in its place between those of the other.
  void put_channel(codec::Pcm samples, std::uint8_t channel, MutableBytes into) noexcept {
    std::array<std::int16_t, pipeline::kPieceSamplesMax> silence = {};
    if (samples.empty()) samples = codec::Pcm(silence).first(samples_);
    const std::size_t step = format_.channel_count;
    if (format_.kind != spool::PayloadKind::kPcm16) {
      std::array<std::uint8_t, pipeline::kPieceSamplesMax> room;
      const MutableBytes codes = MutableBytes(room).first(samples_);
      const bool is_mu = format_.kind == spool::PayloadKind::kPcmu;
      g711_.encode(is_mu ? codec::Law::kMu : codec::Law::kA, samples, codes);
      for (std::size_t index = 0; index < samples_; ++index)
        into[index * step + channel] = codes[index];
      return;
    }
    for (std::size_t index = 0; index < samples_; ++index) {
      const auto sample = static_cast<std::uint16_t>(samples[index]);
      std::uint8_t* at = &into[2 * (index * step + channel)];
      at[0] = static_cast<std::uint8_t>(sample);
      at[1] = static_cast<std::uint8_t>(sample >> 8);
    }
  }
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
  codec::G711 g711_;
  std::size_t samples_ = codec::samples_of(format_.rate_hz, pipeline::kPieceMs);
  /// A whole number of rows.
  std::size_t flush_bytes_ =
      format_.bytes_of(format_.samples_of_ms(kRecordingFlushMs)) * format_.channel_count;
  std::vector<std::uint8_t> pending_;
  std::uint64_t header_bytes_ = 0;
  std::uint64_t data_bytes_ = 0;  ///< in the file
  std::uint64_t marked_bytes_ = 0;
  std::array<std::uint8_t, spool::kWavHeaderBytesMax> header_ = {};
};

}  // namespace

Result<std::unique_ptr<RecordingFile>> create_wav_recording(io::Folder& folder,
                                                            const RecordingPlan& plan) {
  Result<PartFile> file = PartFile::create(folder, plan.name);
  if (!file) return Error{file.error()};
  auto recording = std::make_unique<WavRecording>(std::move(*file), plan);
  if (const Result<void> begun = recording->begin(); !begun) return Error{begun.error()};
  return std::unique_ptr<RecordingFile>(std::move(recording));
}

}  // namespace trunkyard::engine
