#include "codec/opus.h"

#include <opus.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace trunkyard::codec {
namespace {

::OpusEncoder* encoder_in(std::byte* memory) noexcept {
  return reinterpret_cast<::OpusEncoder*>(memory);
}
::OpusDecoder* decoder_in(std::byte* memory) noexcept {
  return reinterpret_cast<::OpusDecoder*>(memory);
}
// libopus starts with a struct of ints and pointers, at the address it is given.
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= alignof(std::max_align_t));

/// Every value that is set has been checked before, so a refusal is a fault of ours.
void set(std::byte* encoder, int request, opus_int32 value) noexcept {
  CHECK(opus_encoder_ctl(encoder_in(encoder), request, value) == OPUS_OK);
}

opus_int32 libopus_bandwidth(OpusBandwidth bandwidth) noexcept {
  switch (bandwidth) {
    case OpusBandwidth::kNarrow:
      return OPUS_BANDWIDTH_NARROWBAND;
    case OpusBandwidth::kMedium:
      return OPUS_BANDWIDTH_MEDIUMBAND;
    case OpusBandwidth::kWide:
      return OPUS_BANDWIDTH_WIDEBAND;
    case OpusBandwidth::kSuperWide:
      return OPUS_BANDWIDTH_SUPERWIDEBAND;
    case OpusBandwidth::kFull:
      break;
  }
  return OPUS_BANDWIDTH_FULLBAND;
}

bool is_valid(const OpusPolicy& policy) noexcept {
  return is_pcm_rate(policy.rate_hz) && policy.frame_ms >= 10 &&
         policy.frame_ms == opus_frame_ms(policy.frame_ms) &&
         policy.bandwidth_max <= OpusBandwidth::kFull && policy.bitrate_bps >= kOpusBitrateBpsMin &&
         policy.bitrate_bps <= kOpusBitrateBpsMax && policy.complexity <= kOpusComplexityMax &&
         policy.loss_percent <= 100;
}

}  // namespace

Result<OpusEncoder> OpusEncoder::open(const OpusPolicy& policy) {
  if (!is_valid(policy)) return Error{ErrorCode::kConfigInvalid};
  auto state = std::make_unique<std::byte[]>(static_cast<std::size_t>(opus_encoder_get_size(1)));
  CHECK(opus_encoder_init(encoder_in(state.get()), static_cast<opus_int32>(policy.rate_hz), 1,
                          OPUS_APPLICATION_VOIP) == OPUS_OK);
  std::byte* const encoder = state.get();
  set(encoder, OPUS_SET_MAX_BANDWIDTH_REQUEST, libopus_bandwidth(policy.bandwidth_max));
  set(encoder, OPUS_SET_INBAND_FEC_REQUEST, policy.fec ? 1 : 0);
  set(encoder, OPUS_SET_DTX_REQUEST, policy.dtx ? 1 : 0);
  set(encoder, OPUS_SET_VBR_REQUEST, policy.cbr ? 0 : 1);
  set(encoder, OPUS_SET_LSB_DEPTH_REQUEST, 16);
  OpusEncoder opened(std::move(state), policy);
  opened.set_bitrate(policy.bitrate_bps);
  opened.set_complexity(policy.complexity);
  opened.set_expected_loss(policy.loss_percent);
  return opened;
}

OpusEncoder::OpusEncoder(std::unique_ptr<std::byte[]> state, const OpusPolicy& policy) noexcept
    : state_(std::move(state)),
      frame_samples_(static_cast<std::uint32_t>(samples_of(policy.rate_hz, policy.frame_ms))),
      frame_clock_(static_cast<std::uint32_t>(samples_of(kOpusClockHz, policy.frame_ms))),
      dtx_(policy.dtx) {}

std::size_t OpusEncoder::delay_samples() const noexcept {
  opus_int32 samples = 0;
  CHECK(opus_encoder_ctl(encoder_in(state_.get()), OPUS_GET_LOOKAHEAD(&samples)) == OPUS_OK);
  return static_cast<std::size_t>(samples);
}

Result<OpusEncoded> OpusEncoder::encode(Pcm frame, MutableBytes into) noexcept {
  CHECK(frame.size() == frame_samples_);
  if (into.size() < kOpusPayloadBytesMax) return Error{ErrorCode::kBufferFull};
  const opus_int32 bytes =
      opus_encode(encoder_in(state_.get()), frame.data(), static_cast<int>(frame_samples_),
                  into.data(), static_cast<opus_int32>(kOpusPayloadBytesMax));
  if (bytes <= 0) return Error{ErrorCode::kPacketMalformed};
  // A first byte that says how long the silence is, and no more than a byte of contents. What it
  // takes to keep the far side's comfort noise alive, every 400 ms, is longer and is sent.
  return OpusEncoded{.bytes = static_cast<std::size_t>(bytes), .send = !dtx_ || bytes > 2};
}

void OpusEncoder::set_complexity(std::uint32_t complexity) noexcept {
  set(state_.get(), OPUS_SET_COMPLEXITY_REQUEST,
      static_cast<opus_int32>(std::min(complexity, kOpusComplexityMax)));
}

void OpusEncoder::set_bitrate(std::uint32_t bitrate_bps) noexcept {
  set(state_.get(), OPUS_SET_BITRATE_REQUEST,
      static_cast<opus_int32>(std::clamp(bitrate_bps, kOpusBitrateBpsMin, kOpusBitrateBpsMax)));
}

void OpusEncoder::set_expected_loss(std::uint32_t loss_percent) noexcept {
  set(state_.get(), OPUS_SET_PACKET_LOSS_PERC_REQUEST,
      static_cast<opus_int32>(std::min(loss_percent, 100u)));
}

void OpusEncoder::reset() noexcept {
  CHECK(opus_encoder_ctl(encoder_in(state_.get()), OPUS_RESET_STATE) == OPUS_OK);
}

void OpusEncoder::copy_state(const OpusEncoder& other) noexcept {
  CHECK(frame_samples_ == other.frame_samples_);
  CHECK(frame_clock_ == other.frame_clock_);
  CHECK(dtx_ == other.dtx_);
  // One piece of memory without pointers into itself, which libopus promises (opus.h).
  std::memcpy(state_.get(), other.state_.get(), static_cast<std::size_t>(opus_encoder_get_size(1)));
}

Result<OpusDecoder> OpusDecoder::open(std::uint32_t rate_hz) {
  if (!is_pcm_rate(rate_hz)) return Error{ErrorCode::kConfigInvalid};
  auto state = std::make_unique<std::byte[]>(static_cast<std::size_t>(opus_decoder_get_size(1)));
  CHECK(opus_decoder_init(decoder_in(state.get()), static_cast<opus_int32>(rate_hz), 1) == OPUS_OK);
  return OpusDecoder(std::move(state), rate_hz);
}

OpusDecoder::OpusDecoder(std::unique_ptr<std::byte[]> state, std::uint32_t rate_hz) noexcept
    : state_(std::move(state)), rate_hz_(rate_hz) {}

Result<std::uint32_t> OpusDecoder::decode(const OpusPacket& packet, std::uint32_t first_frame,
                                          PcmFrame& into) noexcept {
  CHECK(first_frame < packet.frame_count());
  const std::size_t frame_samples = packet.samples_per_frame(rate_hz_);
  const MutablePcm pcm = into.reset(rate_hz_, samples_of(rate_hz_, kFrameMsMax));
  std::size_t filled = 0;
  std::uint32_t frame = first_frame;
  // Frame by frame, each as a packet of its own: the same sound as from the whole, for packets of
  // any length.
  std::array<std::uint8_t, 1 + kOpusFrameBytesMax> single;
  single[0] = packet.single_frame_toc();
  for (; frame < packet.frame_count() && filled + frame_samples <= pcm.size(); ++frame) {
    const Bytes bytes = packet.frame(frame);
    std::copy(bytes.begin(), bytes.end(), single.begin() + 1);
    const int decoded = opus_decode(decoder_in(state_.get()), single.data(),
                                    static_cast<opus_int32>(1 + bytes.size()), pcm.data() + filled,
                                    static_cast<int>(frame_samples), 0);
    if (decoded < 0) {
      into.reset(rate_hz_, 0);
      return Error{ErrorCode::kPacketMalformed};
    }
    filled += static_cast<std::size_t>(decoded);
  }
  last_was_celt_ = packet.mode() == OpusMode::kCelt;
  into.reset(rate_hz_, filled);
  return frame;
}

Result<void> OpusDecoder::conceal(std::size_t samples, PcmFrame& into) noexcept {
  into.reset(rate_hz_, 0);
  if (!is_concealable(samples)) return Error{ErrorCode::kConfigInvalid};
  const MutablePcm pcm = into.reset(rate_hz_, samples);
  const int concealed =
      opus_decode(decoder_in(state_.get()), nullptr, 0, pcm.data(), static_cast<int>(samples), 0);
  if (concealed != static_cast<int>(samples)) {
    into.reset(rate_hz_, 0);
    return Error{ErrorCode::kPacketMalformed};
  }
  return {};
}

Result<OpusRecovery> OpusDecoder::recover(const OpusPacket& next, std::size_t samples,
                                          PcmFrame& into) noexcept {
  into.reset(rate_hz_, 0);
  if (!is_concealable(samples)) return Error{ErrorCode::kConfigInvalid};
  // libopus itself takes no copy after CELT, whose decoder can't go over to SILK in the middle of a
  // gap.
  if (next.has_fec() && !last_was_celt_ && next.samples_per_frame(rate_hz_) <= samples) {
    const MutablePcm pcm = into.reset(rate_hz_, samples);
    const int recovered = opus_decode(decoder_in(state_.get()), next.payload().data(),
                                      static_cast<opus_int32>(next.payload().size()), pcm.data(),
                                      static_cast<int>(samples), 1);
    if (recovered == static_cast<int>(samples)) return OpusRecovery::kRecovered;
  }
  const Result<void> concealed = conceal(samples, into);
  if (!concealed.ok()) return Error{concealed.error()};
  return OpusRecovery::kConcealed;
}

void OpusDecoder::reset() noexcept {
  CHECK(opus_decoder_ctl(decoder_in(state_.get()), OPUS_RESET_STATE) == OPUS_OK);
  last_was_celt_ = false;
}

bool OpusDecoder::is_concealable(std::size_t samples) const noexcept {
  return samples > 0 && samples <= samples_of(rate_hz_, kFrameMsMax) &&
         samples % (rate_hz_ / 400) == 0;
}

}  // namespace trunkyard::codec
