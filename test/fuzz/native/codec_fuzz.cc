// Codecs: the first byte chooses one, the rest is a script of payloads, losses and new streams for
// its decoder, state kept; all kernels must agree on every sample. What was heard goes on through a
// resampler, a framer and an encoder of another codec, as on a link.
#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "base/isa.h"
#include "codec/codec.h"
#include "codec/framer.h"
#include "codec/resampler.h"
#include "fuzz/native/targets.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::codec;

constexpr std::array kFormats = {Format{CodecKind::kPcmu, 8'000},  Format{CodecKind::kPcma, 8'000},
                                 Format{CodecKind::kG722, 16'000}, Format{CodecKind::kL16, 8'000},
                                 Format{CodecKind::kL16, 48'000},  Format{CodecKind::kOpus, 8'000},
                                 Format{CodecKind::kOpus, 48'000}, Format{CodecKind::kL16, 16'000}};

/// The far side of the link: takes what was heard.
class FarSide {
 public:
  FarSide(const Format& from, const Format& to, std::uint32_t frame_ms)
      : encoder_(Encoder::open({.format = to, .frame_ms = frame_ms, .isa = best_isa()}).value()),
        resampler_(
            Resampler::open({.from_hz = from.rate_hz, .to_hz = to.rate_hz, .isa = best_isa()})
                .value()),
        framer_(encoder_.frame_samples()) {}

  void hear(Pcm samples, std::uint64_t gap) {
    std::array<std::int16_t, kPcmSamplesMax> converted{};
    const Pcm made = resampler_.process(samples, converted);
    position_ += gap;
    CHECK(framer_.push({.position = position_, .samples = made}) == 0);
    position_ += made.size();
    Framer::Frame frame;
    std::array<std::uint8_t, kOpusPayloadBytesMax + 5'000> payload{};
    while (framer_.next(frame)) {
      const Result<Encoder::Encoded> encoded = encoder_.encode(frame.samples, payload);
      CHECK(encoded.ok());
      CHECK(encoded->bytes > 0 && encoded->bytes <= encoder_.payload_bytes_max());
      CHECK(frame.position + frame.samples.size() <= position_);
    }
    CHECK(framer_.waiting() < framer_.frame_samples());
  }

 private:
  Encoder encoder_;
  Resampler resampler_;
  Framer framer_;
  std::uint64_t position_ = 0;
};

void check_same(const PcmFrame& left, const PcmFrame& right) {
  CHECK(left.rate_hz() == right.rate_hz());
  CHECK(std::ranges::equal(left.samples(), right.samples()));
}

/// Decodes one payload on both decoders, one of plain C and one of the best kernels.
void decode(Decoder& plain, Decoder& fast, Bytes payload, FarSide& far, std::uint64_t gap) {
  const Result<std::size_t> expected = plain.samples_in(payload);
  CHECK(expected.code() == fast.samples_in(payload).code());
  PcmFrame frame;
  PcmFrame other;
  Decoder::Progress progress{.next = 0, .done = false};
  std::size_t samples = 0;
  while (!progress.done) {
    const Result<Decoder::Progress> step = plain.decode(payload, progress.next, frame);
    CHECK(step.code() == fast.decode(payload, progress.next, other).code());
    check_same(frame, other);
    if (!step.ok()) {
      CHECK(frame.empty());
      return;
    }
    CHECK(expected.ok());
    CHECK(!frame.empty());
    CHECK(frame.size() <= samples_of(frame.rate_hz(), kFrameMsMax));
    CHECK(step->next > progress.next);
    progress = *step;
    samples += frame.size();
    far.hear(frame.samples(), gap);
    gap = 0;
  }
  CHECK(samples == *expected);
}

}  // namespace

int codec_fuzz(const std::uint8_t* data, std::size_t size) {
  ByteReader script(Bytes{data, size});
  const std::uint8_t choice = script.u8();
  const Format format = kFormats[choice % kFormats.size()];
  // Opus would slow this down a hundredfold as the far side; it has a target of its own.
  constexpr std::array kFar = {kFormats[0], kFormats[1], kFormats[2], kFormats[4]};
  FarSide far(format, kFar[choice / 8 % kFar.size()], 10 + 10 * (choice / 32 % 6));
  Decoder plain = Decoder::open({.format = format, .isa = Isa::kC}).value();
  Decoder fast = Decoder::open({.format = format, .isa = best_isa()}).value();
  for (std::size_t step = 0; step < 40 && script.remaining() > 0; ++step) {
    const std::uint8_t operation = script.u8();
    const std::size_t length = script.u16() % 1'600;
    const Bytes payload = script.take(std::min(length, script.remaining()));
    if (operation < 192) {
      decode(plain, fast, payload, far, operation % 4 == 3 ? operation * 7 : 0);
    } else if (operation < 250) {
      const std::size_t most = samples_of(format.rate_hz, kFrameMsMax);
      const std::size_t samples = 1 + operation * 97 % most;
      PcmFrame frame;
      PcmFrame other;
      CHECK(plain.conceal(samples, payload, frame) == fast.conceal(samples, payload, other));
      CHECK(frame.size() == samples);
      check_same(frame, other);
      far.hear(frame.samples(), 0);
    } else {
      plain.reset();
      fast.reset();
    }
  }
  return 0;
}

}  // namespace fuzz
