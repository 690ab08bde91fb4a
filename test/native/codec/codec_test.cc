// Every codec behind the common pair of classes: payloads that must be refused, lengths, losses;
// and every pair of codecs by ear.
#include "codec/codec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/prng.h"
#include "codec/framer.h"
#include "codec/resampler.h"
#include "native/codec/sines.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
namespace sines = test::sines;
using sines::Samples;
using Payload = std::vector<std::uint8_t>;

constexpr Format kPcmu{CodecKind::kPcmu, 8'000};
constexpr Format kPcma{CodecKind::kPcma, 8'000};
constexpr Format kG722{CodecKind::kG722, 16'000};
constexpr Format kL16{CodecKind::kL16, 16'000};
constexpr Format kOpus8{CodecKind::kOpus, 8'000};
constexpr Format kOpus16{CodecKind::kOpus, 16'000};
constexpr Format kOpus48{CodecKind::kOpus, 48'000};
constexpr std::array kAll = {kPcmu, kPcma, kG722, kL16, kOpus8, kOpus16, kOpus48};

Decoder open_decoder(const Format& format) {
  return Decoder::open({.format = format, .isa = best_isa()}).value();
}
Encoder open_encoder(const Format& format, std::uint32_t frame_ms = 20) {
  Encoder::Spec spec{.format = format, .frame_ms = frame_ms, .isa = best_isa()};
  if (format.kind == CodecKind::kOpus) {
    spec.opus = opus_policy({.ptime_ms = frame_ms}, {.source_rate_hz = format.rate_hz});
    spec.frame_ms = spec.opus.frame_ms;
  }
  return Encoder::open(spec).value();
}

/// All payloads of some audio; what doesn't fill a frame is left out.
std::vector<Payload> encode(Encoder& encoder, Pcm in) {
  std::vector<Payload> payloads;
  for (; in.size() >= encoder.frame_samples(); in = in.subspan(encoder.frame_samples())) {
    Payload payload(encoder.payload_bytes_max());
    const Result<Encoder::Encoded> encoded =
        encoder.encode(in.first(encoder.frame_samples()), payload);
    CHECK_TRUE(encoded.ok());
    payload.resize(encoded->bytes);
    payloads.push_back(payload);
  }
  return payloads;
}

Samples decode(Decoder& decoder, const Payload& payload) {
  Samples samples;
  PcmFrame frame;
  Decoder::Progress progress{.next = 0, .done = false};
  while (!progress.done) {
    const Result<Decoder::Progress> step = decoder.decode(payload, progress.next, frame);
    CHECK_TRUE(step.ok());
    if (!step.ok()) break;
    progress = *step;
    CHECK_EQ(frame.rate_hz(), decoder.format().rate_hz);
    samples.insert(samples.end(), frame.samples().begin(), frame.samples().end());
  }
  return samples;
}

Samples decode(Decoder& decoder, const std::vector<Payload>& payloads) {
  Samples samples;
  for (const Payload& payload : payloads) {
    const Samples piece = decode(decoder, payload);
    samples.insert(samples.end(), piece.begin(), piece.end());
  }
  return samples;
}

/// What a link does: payloads of one format to payloads of another, with another packet time.
std::vector<Payload> transcode(const std::vector<Payload>& payloads, const Format& from,
                               Encoder& encoder) {
  Decoder decoder = open_decoder(from);
  Resampler resampler =
      Resampler::open(
          {.from_hz = from.rate_hz, .to_hz = encoder.format().rate_hz, .isa = best_isa()})
          .value();
  Framer framer(encoder.frame_samples());
  std::vector<Payload> out;
  std::uint64_t position = 0;
  for (const Payload& payload : payloads) {
    const Samples heard = decode(decoder, payload);
    Samples converted(resampler.output_size(heard.size()));
    (void)resampler.process(heard, converted);
    CHECK_EQ(framer.push({.position = position, .samples = converted}), 0u);
    position += converted.size();
    Framer::Frame frame;
    while (framer.next(frame)) {
      for (const Payload& made : encode(encoder, frame.samples))
        out.push_back(made);
    }
  }
  return out;
}

/// Lasts two seconds.
Samples tone(const Format& format, double frequency_hz, double level_dbov) {
  return sines::make_tone(
      {.frequency_hz = frequency_hz, .level_dbov = level_dbov, .rate_hz = format.rate_hz},
      2 * format.rate_hz);
}

/// The second that counts: codecs have settled.
Pcm heard_part(const Samples& samples, std::uint32_t rate_hz) {
  return Pcm(samples).subspan(rate_hz / 2, rate_hz);
}

void check_tone(Pcm heard, double frequency_hz, double level_dbov, std::uint32_t rate_hz) {
  CHECK_TRUE(std::abs(sines::loudest_near_hz(heard, frequency_hz, rate_hz) - frequency_hz) <= 1);
  CHECK_TRUE(std::abs(sines::tone_level_dbov(heard, frequency_hz, rate_hz) - level_dbov) <= 1);
}

TEST("A25 a tone keeps its frequency and its level through every pair of codecs") {
  for (const Format& from : kAll) {
    for (const Format& to : kAll) {
      for (const double frequency_hz : {440.0, 1'600.0}) {
        Encoder near = open_encoder(from);
        Encoder far = open_encoder(to);
        const auto received = transcode(encode(near, tone(from, frequency_hz, -16)), from, far);
        Decoder ear = open_decoder(to);
        const Samples heard = decode(ear, received);
        check_tone(heard_part(heard, to.rate_hz), frequency_hz, -16, to.rate_hz);
      }
    }
  }
}

TEST("A25 PCMU through G.722 and back keeps tones, and makes no clicks of its own") {
  for (const double frequency_hz : {300.0, 1'000.0, 3'300.0}) {
    Encoder first = open_encoder(kPcmu);
    Encoder middle = open_encoder(kG722, 30);
    Encoder last = open_encoder(kPcmu, 10);
    const Samples in = tone(kPcmu, frequency_hz, -10);
    const auto back = transcode(transcode(encode(first, in), kPcmu, middle), kG722, last);
    Decoder ear = open_decoder(kPcmu);
    const Samples heard = decode(ear, back);
    check_tone(heard_part(heard, 8'000), frequency_hz, -10, 8'000);
    // The steepest a sine gets, and what two logarithmic codecs and one of two bits may add.
    CHECK_TRUE(sines::largest_jump(heard_part(heard, 8'000)) <= sines::largest_jump(in) + 2'000);
  }
}

TEST("frames of every packet time have as many bytes and steps of the clock as they should") {
  for (const Format& format : kAll) {
    for (const std::uint32_t ms : {10u, 20u, 30u, 40u, 50u, 60u}) {
      Encoder encoder = open_encoder(format, ms);
      const std::uint32_t made_ms = format.kind == CodecKind::kOpus ? opus_frame_ms(ms) : ms;
      CHECK_EQ(encoder.frame_samples(), samples_of(format.rate_hz, made_ms));
      CHECK_EQ(encoder.frame_clock(), format.clock_hz() / 1'000 * made_ms);
      const Samples in = tone(format, 700, -20);
      const std::vector<Payload> payloads = encode(encoder, Pcm(in).first(in.size() / 4));
      Decoder decoder = open_decoder(format);
      for (const Payload& payload : payloads) {
        if (format.kind != CodecKind::kOpus) CHECK_EQ(payload.size(), format.payload_bytes(ms));
        CHECK_EQ(decoder.samples_in(payload).value(), encoder.frame_samples());
        CHECK_EQ(decode(decoder, payload).size(), encoder.frame_samples());
      }
    }
  }
}

TEST("refuses an empty payload, whatever the codec, and leaves no samples behind") {
  for (const Format& format : kAll) {
    Decoder decoder = open_decoder(format);
    PcmFrame frame;
    frame.reset(8'000, 80);
    CHECK_EQ(decoder.decode({}, 0, frame).code(), ErrorCode::kPacketTruncated);
    CHECK_TRUE(frame.empty());
    CHECK_EQ(decoder.samples_in({}).code(), ErrorCode::kPacketTruncated);
  }
}

TEST("refuses half a sample of L16 and takes any other length of PCM") {
  Decoder l16 = open_decoder(kL16);
  PcmFrame frame;
  const Payload odd(641);
  CHECK_EQ(l16.decode(odd, 0, frame).code(), ErrorCode::kPacketMalformed);
  CHECK_TRUE(frame.empty());
  CHECK_EQ(l16.samples_in(odd).code(), ErrorCode::kPacketMalformed);
  for (const Format& format : {kPcmu, kPcma, kG722}) {
    Decoder decoder = open_decoder(format);
    for (const std::size_t bytes : {1u, 7u, 159u, 161u, 480u}) {
      const Samples heard = decode(decoder, Payload(bytes, 0x55));
      CHECK_EQ(heard.size(), bytes * 8 / format.payload_bits_per_sample());
    }
  }
}

TEST("decodes a payload of 1,500 bytes in pieces of at most 60 ms") {
  for (const Format& format : {kPcmu, kPcma, kG722, kL16}) {
    Decoder decoder = open_decoder(format);
    const Payload payload(1'500, 0x33);
    PcmFrame frame;
    Decoder::Progress progress{.next = 0, .done = false};
    std::size_t samples = 0;
    while (!progress.done) {
      progress = decoder.decode(payload, progress.next, frame).value();
      CHECK_TRUE(frame.size() <= samples_of(format.rate_hz, kFrameMsMax));
      samples += frame.size();
    }
    CHECK_EQ(samples, decoder.samples_in(payload).value());
    CHECK_EQ(samples, 1'500 * 8 / format.payload_bits_per_sample());
  }
}

TEST("hands an Opus packet of 120 ms out in two pieces") {
  Encoder encoder = open_encoder(kOpus8, 60);
  const Samples in = tone(kOpus8, 700, -20);
  const std::vector<Payload> payloads = encode(encoder, Pcm(in).first(960));
  REQUIRE(payloads.size() == 2);
  // Two frames of different sizes in one packet (RFC 6716 §3.2.4).
  Payload both{static_cast<std::uint8_t>(payloads[0][0] | 0x02)};
  const std::size_t first_bytes = payloads[0].size() - 1;
  REQUIRE((payloads[0][0] & 0xfc) == (payloads[1][0] & 0xfc) && first_bytes < 252);
  both.push_back(static_cast<std::uint8_t>(first_bytes));
  both.insert(both.end(), payloads[0].begin() + 1, payloads[0].end());
  both.insert(both.end(), payloads[1].begin() + 1, payloads[1].end());
  Decoder decoder = open_decoder(kOpus8);
  PcmFrame frame;
  const Decoder::Progress progress = decoder.decode(both, 0, frame).value();
  CHECK_FALSE(progress.done);
  CHECK_EQ(frame.size(), 480u);
  CHECK_TRUE(decoder.decode(both, progress.next, frame).value().done);
  CHECK_EQ(frame.size(), 480u);
  CHECK_EQ(decoder.samples_in(both).value(), 960u);
}

TEST("fills a loss with as many samples as asked for, near what was heard, then fades") {
  for (const Format& format : kAll) {
    Encoder encoder = open_encoder(format);
    Decoder decoder = open_decoder(format);
    const Samples in = tone(format, 400, -16);
    (void)decode(decoder, encode(encoder, Pcm(in).first(format.rate_hz)));
    PcmFrame frame;
    const std::size_t frame_samples = samples_of(format.rate_hz, 20);
    CHECK_TRUE(decoder.conceal(frame_samples, {}, frame) == Filling::kGuessed);
    CHECK_EQ(frame.size(), frame_samples);
    CHECK_EQ(frame.rate_hz(), format.rate_hz);
    // libopus fades more at once than we do.
    const double off_db = format.kind == CodecKind::kOpus ? 10 : 3;
    CHECK_TRUE(std::abs(sines::level_dbov(frame.samples()) + 16) <= off_db);
    for (int more = 0; more < 50; ++more)
      (void)decoder.conceal(frame_samples, {}, frame);
    CHECK_TRUE(sines::level_dbov(frame.samples()) <= -50);
    // Lengths that no codec has as a frame.
    for (const std::size_t samples : {std::size_t{1}, std::size_t{33}, 3 * frame_samples}) {
      (void)decoder.conceal(samples, {}, frame);
      CHECK_EQ(frame.size(), samples);
    }
  }
}

TEST("recovers a lost Opus frame from the next packet where the sender put a copy") {
  Encoder::Spec spec{.format = kOpus16};
  spec.opus = opus_policy({.use_inband_fec = true},
                          {.source_rate_hz = 16'000, .bitrate_bps = 32'000, .loss_percent = 20});
  Encoder encoder = Encoder::open(spec).value();
  const Samples in = tone(kOpus16, 400, -16);
  const std::vector<Payload> payloads = encode(encoder, in);
  Decoder decoder = open_decoder(kOpus16);
  PcmFrame frame;
  int recovered = 0;
  for (std::size_t index = 0; index + 1 < payloads.size(); ++index) {
    if (index % 10 == 9) {
      if (decoder.conceal(320, payloads[index + 1], frame) == Filling::kRecovered) ++recovered;
      CHECK_EQ(frame.size(), 320u);
    } else {
      CHECK_TRUE(decoder.decode(payloads[index], 0, frame).ok());
    }
  }
  // libopus copies what it takes for speech, a steady tone seldom; how well, opus_test.cc tells.
  CHECK_TRUE(recovered > 0);
  // What is no Opus packet brings no copy.
  const Payload garbage{0xff};
  CHECK_TRUE(decoder.conceal(320, garbage, frame) == Filling::kGuessed);
}

TEST("forgets the old stream on reset, what it would have concealed a loss with too") {
  for (const Format& format : kAll) {
    Encoder encoder = open_encoder(format);
    const std::vector<Payload> payloads = encode(encoder, tone(format, 900, -10));
    PcmFrame frame;
    for (const bool in_a_gap : {false, true}) {
      Decoder used = open_decoder(format);
      (void)decode(used, payloads);
      if (in_a_gap) used.conceal(samples_of(format.rate_hz, 10), {}, frame);
      used.reset();
      Decoder fresh = open_decoder(format);
      CHECK_TRUE(decode(used, payloads) == decode(fresh, payloads));

      used.reset();
      used.conceal(samples_of(format.rate_hz, 20), {}, frame);
      const Samples concealed(frame.samples().begin(), frame.samples().end());
      Decoder silent = open_decoder(format);
      silent.conceal(samples_of(format.rate_hz, 20), {}, frame);
      CHECK_TRUE(concealed == Samples(frame.samples().begin(), frame.samples().end()));
    }
  }
}

TEST("leaves out the beginning of a frame that was made up already, and goes on as if it hadn't") {
  for (const Format& format : kAll) {
    Encoder encoder = open_encoder(format);
    const std::vector<Payload> payloads = encode(encoder, tone(format, 440, -16));
    Decoder whole = open_decoder(format);
    Decoder cut = open_decoder(format);
    PcmFrame expected;
    PcmFrame frame;
    for (const Payload& payload : payloads) {
      REQUIRE(whole.decode(payload, 0, expected).ok());
      const std::size_t skip = expected.size() / 2;
      REQUIRE(cut.decode(payload, 0, frame, skip).ok());
      const Pcm rest = expected.samples().subspan(skip);
      CHECK_TRUE(
          std::equal(frame.samples().begin(), frame.samples().end(), rest.begin(), rest.end()));
    }
    REQUIRE(cut.decode(payloads.back(), 0, frame, 100'000).ok());
    CHECK_TRUE(frame.empty());
  }
}

TEST("opens nothing that isn't a format, a frame length or a policy of that format") {
  CHECK_EQ(Decoder::open({.format = {CodecKind::kPcmu, 16'000}}).code(), ErrorCode::kConfigInvalid);
  CHECK_EQ(Decoder::open({.format = {CodecKind::kOpus, 44'100}}).code(), ErrorCode::kConfigInvalid);
  CHECK_EQ(Encoder::open({.format = {CodecKind::kG722, 8'000}}).code(), ErrorCode::kConfigInvalid);
  for (const std::uint32_t ms : {0u, 5u, 25u, 70u, 120u})
    CHECK_EQ(Encoder::open({.format = kPcmu, .frame_ms = ms}).code(), ErrorCode::kConfigInvalid);
  Encoder::Spec spec{.format = kOpus16};
  CHECK_EQ(Encoder::open(spec).code(), ErrorCode::kConfigInvalid);  // its policy says 48,000
  spec.opus.rate_hz = 16'000;
  CHECK_TRUE(Encoder::open(spec).ok());
  spec.opus.frame_ms = 40;
  CHECK_EQ(Encoder::open(spec).code(), ErrorCode::kConfigInvalid);
}

TEST("says so when a payload has no room, and lends the Opus encoder for tuning") {
  for (const Format& format : kAll) {
    Encoder encoder = open_encoder(format);
    const Samples in = tone(format, 400, -16);
    Payload small(encoder.payload_bytes_max() - 1);
    CHECK_EQ(encoder.encode(Pcm(in).first(encoder.frame_samples()), small).code(),
             ErrorCode::kBufferFull);
    CHECK_EQ(encoder.opus() != nullptr, format.kind == CodecKind::kOpus);
    if (encoder.opus() != nullptr) encoder.opus()->set_complexity(0);
    CHECK_TRUE(!encode(encoder, in).empty());
    CHECK_ABORTS((void)encoder.encode(Pcm(in).first(1), small));
  }
}

TEST("survives being moved, as into a slot of a pool") {
  for (const Format& format : kAll) {
    Encoder encoder = open_encoder(format);
    Decoder decoder = open_decoder(format);
    const Samples in = tone(format, 400, -16);
    (void)encode(encoder, Pcm(in).first(in.size() / 2));
    Encoder moved = std::move(encoder);
    Decoder moved_decoder = std::move(decoder);
    CHECK_TRUE(!decode(moved_decoder, encode(moved, Pcm(in).subspan(in.size() / 2))).empty());
  }
}

TEST("goes on where another encoder stands, to the bit, and leaves that one as it is") {
  for (const Format& format : kAll) {
    Encoder first = open_encoder(format);
    Encoder second = open_encoder(format);
    const Samples before =
        sines::make_tone({.frequency_hz = 700, .rate_hz = format.rate_hz}, format.rate_hz);
    const Samples other =
        sines::make_tone({.frequency_hz = 1'900, .rate_hz = format.rate_hz}, format.rate_hz / 2);
    (void)encode(first, before);
    (void)encode(second, other);
    second.copy_state(first);
    const std::vector<Payload> wanted = encode(first, other);
    CHECK_TRUE(encode(second, other) == wanted);
  }
  Encoder narrow = open_encoder(kPcmu);
  Encoder wide = open_encoder(kG722);
  CHECK_ABORTS(narrow.copy_state(wide));
  Encoder longer = open_encoder(kPcmu, 40);
  CHECK_ABORTS(narrow.copy_state(longer));
}

}  // namespace
