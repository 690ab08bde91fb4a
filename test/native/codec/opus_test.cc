// Opus by ear: tones and a synthetic voice through the encoder, losses and the decoder, judged by
// level, frequency, likeness and clicks.
#include "codec/opus.h"

#include <opus.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <vector>

#include "base/prng.h"
#include "native/codec/opus_sound.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::codec;
using test::sines::Samples;
namespace sines = test::sines;
namespace voices = test::voices;
// libopus has types of the same names, outside of all namespaces.
using trunkyard::codec::OpusDecoder;
using trunkyard::codec::OpusEncoder;

using Payload = std::vector<std::uint8_t>;

constexpr std::uint32_t kRates[] = {8'000, 16'000, 48'000};

OpusEncoder encoder_of(const OpusPolicy& policy) {
  return OpusEncoder::open(policy).value();
}

/// A sine at -16 dBov: the level of speech on a good line. Its amplitude is 7,344.
Samples tone_of(std::uint32_t rate_hz, double frequency_hz, std::size_t count) {
  return sines::make_tone({.frequency_hz = frequency_hz, .level_dbov = -16, .rate_hz = rate_hz},
                          count);
}

/// Every whole frame of a sound as a packet; an empty one stands for a frame that isn't sent.
std::vector<Payload> encode_all(OpusEncoder& encoder, const Samples& sound) {
  std::vector<Payload> packets;
  std::array<std::uint8_t, kOpusPayloadBytesMax> buffer;
  const std::size_t step = encoder.frame_samples();
  for (std::size_t at = 0; at + step <= sound.size(); at += step) {
    const OpusEncoded encoded = encoder.encode(Pcm(sound).subspan(at, step), buffer).value();
    packets.emplace_back(buffer.begin(), buffer.begin() + (encoded.send ? encoded.bytes : 0));
  }
  return packets;
}

void append(Samples& sound, const PcmFrame& frame) {
  sound.insert(sound.end(), frame.samples().begin(), frame.samples().end());
}

/// Decodes all of a packet and adds it to `sound`.
Result<void> decode_into(OpusDecoder& decoder, const Payload& payload, Samples& sound) {
  const Result<OpusPacket> packet = OpusPacket::parse(payload);
  if (!packet.ok()) return Error{packet.error()};
  PcmFrame pcm;
  for (std::uint32_t frame = 0; frame < packet->frame_count();) {
    const Result<std::uint32_t> next = decoder.decode(*packet, frame, pcm);
    if (!next.ok()) return Error{next.error()};
    frame = *next;
    append(sound, pcm);
  }
  return {};
}

Samples decode_all(OpusDecoder& decoder, const std::vector<Payload>& packets) {
  Samples sound;
  for (const Payload& payload : packets)
    CHECK_TRUE(decode_into(decoder, payload, sound).ok());
  return sound;
}

Pcm last_of(const Samples& sound, std::size_t samples) {
  return Pcm(sound).last(samples);
}

/// libopus's own encoder, for packets that ours never makes.
class AnyEncoder {
 public:
  AnyEncoder(std::uint32_t rate_hz, int channels, int application) {
    int error = 0;
    state_ = opus_encoder_create(static_cast<opus_int32>(rate_hz), channels, application, &error);
    CHECK_EQ(error, OPUS_OK);
  }
  AnyEncoder(const AnyEncoder&) = delete;
  AnyEncoder& operator=(const AnyEncoder&) = delete;
  ~AnyEncoder() { opus_encoder_destroy(state_); }

  /// @param interleaved `samples` for each channel.
  Payload encode(Pcm interleaved, std::size_t samples) {
    Payload payload(4'000);
    const opus_int32 bytes =
        opus_encode(state_, interleaved.data(), static_cast<int>(samples), payload.data(), 4'000);
    CHECK_TRUE(bytes > 0);
    payload.resize(static_cast<std::size_t>(std::max(bytes, 0)));
    return payload;
  }

 private:
  ::OpusEncoder* state_ = nullptr;
};

TEST("A25 keeps a tone's frequency within 1 Hz and its level within 1 dB, from any rate to any") {
  for (const std::uint32_t from_hz : kRates) {
    for (const std::uint32_t to_hz : kRates) {
      for (const double hz : {440.0, 1'000.0, 2'600.0}) {
        OpusEncoder encoder = encoder_of(opus_policy({}, {.source_rate_hz = from_hz}));
        OpusDecoder decoder = OpusDecoder::open(to_hz).value();
        const Samples sent = tone_of(from_hz, hz, from_hz * 2);
        const Samples heard = decode_all(decoder, encode_all(encoder, sent));
        REQUIRE(heard.size() == to_hz * 2);
        const Pcm settled = last_of(heard, to_hz);
        CHECK_TRUE(std::abs(sines::loudest_near_hz(settled, hz, to_hz) - hz) < 1.0);
        CHECK_TRUE(std::abs(sines::level_dbov(settled) + 16) < 1.0);
      }
    }
  }
}

TEST("encodes 10, 20, 40 and 60 ms, each as one packet that says so and fits its bounds") {
  Prng prng(10);
  for (const std::uint32_t rate_hz : kRates) {
    for (const std::uint32_t frame_ms : {10u, 20u, 40u, 60u}) {
      OpusEncoder encoder = encoder_of({.rate_hz = rate_hz,
                                        .frame_ms = frame_ms,
                                        .bitrate_bps = kOpusBitrateBpsMax,
                                        .complexity = 0});
      CHECK_EQ(encoder.frame_samples(), rate_hz / 1'000 * frame_ms);
      CHECK_EQ(encoder.frame_clock(), 48 * frame_ms);
      Samples noise(encoder.frame_samples() * 20);
      for (std::int16_t& sample : noise)
        sample = static_cast<std::int16_t>(prng.next_u32());
      for (const Payload& payload : encode_all(encoder, noise)) {
        CHECK_TRUE(payload.size() <= kOpusPayloadBytesMax);
        const Result<OpusPacket> packet = OpusPacket::parse(payload);
        REQUIRE(packet.ok());
        CHECK_EQ(packet->samples(rate_hz), encoder.frame_samples());
        CHECK_EQ(packet->channel_count(), 1u);
      }
    }
  }
}

TEST("refuses frame lengths that Opus has not, other rates and numbers out of range") {
  for (const OpusPolicy& wrong :
       std::initializer_list<OpusPolicy>{{.frame_ms = 0},
                                         {.frame_ms = 5},
                                         {.frame_ms = 30},
                                         {.frame_ms = 50},
                                         {.frame_ms = 80},
                                         {.rate_hz = 0},
                                         {.rate_hz = 12'000},
                                         {.rate_hz = 44'100},
                                         {.bandwidth_max = static_cast<OpusBandwidth>(5)},
                                         {.bitrate_bps = 5'999},
                                         {.bitrate_bps = 510'001},
                                         {.complexity = 11},
                                         {.loss_percent = 101}}) {
    CHECK_EQ(OpusEncoder::open(wrong).code(), ErrorCode::kConfigInvalid);
  }
  for (const std::uint32_t rate_hz : {0u, 11'025u, 24'000u, 96'000u}) {
    CHECK_EQ(OpusDecoder::open(rate_hz).code(), ErrorCode::kConfigInvalid);
  }
}

TEST("refuses a buffer that the longest packet would not fit") {
  OpusEncoder encoder = encoder_of({.rate_hz = 8'000});
  const Samples frame(160);
  std::array<std::uint8_t, kOpusPayloadBytesMax - 1> small;
  CHECK_EQ(encoder.encode(frame, small).code(), ErrorCode::kBufferFull);
}

TEST("aborts when it is handed a frame of another length, which only our own code could do") {
  OpusEncoder encoder = encoder_of({.rate_hz = 8'000});
  const Samples frame(161);
  std::array<std::uint8_t, kOpusPayloadBytesMax> buffer;
  CHECK_ABORTS((void)encoder.encode(frame, buffer));
}

TEST("stays under the bitrate it is set to, and sends packets of one size at a constant rate") {
  const Samples sent = voices::make_voice(48'000, 48'000 * 4);
  for (const bool cbr : {false, true}) {
    OpusEncoder encoder = encoder_of({.bitrate_bps = 24'000, .cbr = cbr});
    std::size_t bytes = 0;
    for (const Payload& payload : encode_all(encoder, sent)) {
      bytes += payload.size();
      if (cbr) CHECK_EQ(payload.size(), 60u);
    }
    CHECK_TRUE(bytes * 8 / 4 <= 24'000);
    CHECK_TRUE(bytes * 8 / 4 >= 16'000);
  }
}

TEST("never sends a wider band than it may") {
  for (const OpusBandwidth widest : {OpusBandwidth::kNarrow, OpusBandwidth::kMedium,
                                     OpusBandwidth::kWide, OpusBandwidth::kSuperWide}) {
    OpusEncoder encoder = encoder_of({.bandwidth_max = widest, .bitrate_bps = 64'000});
    for (const Payload& payload : encode_all(encoder, voices::make_voice(48'000, 48'000))) {
      CHECK_TRUE(OpusPacket::parse(payload)->bandwidth() <= widest);
    }
  }
}

TEST("changes complexity, bitrate and expected loss between frames without a click") {
  OpusEncoder encoder = encoder_of({.rate_hz = 16'000, .bitrate_bps = 24'000, .fec = true});
  OpusDecoder decoder = OpusDecoder::open(16'000).value();
  const Samples sent = tone_of(16'000, 400, 16'000 * 3);
  std::array<std::uint8_t, kOpusPayloadBytesMax> buffer;
  Samples heard;
  for (std::size_t at = 0; at < sent.size(); at += 320) {
    const std::uint32_t step = static_cast<std::uint32_t>(at / 320);
    encoder.set_complexity(step % 12);
    encoder.set_bitrate(step % 2 == 0 ? 0 : 40'000);
    encoder.set_expected_loss(step % 150);
    const OpusEncoded encoded = encoder.encode(Pcm(sent).subspan(at, 320), buffer).value();
    REQUIRE(
        decode_into(decoder, Payload(buffer.begin(), buffer.begin() + encoded.bytes), heard).ok());
  }
  // The tone's own steepest step is 2 pi 400 / 16000 of its amplitude of 7,344: 1,154.
  CHECK_TRUE(sines::largest_jump(last_of(heard, 32'000)) < 2 * 1'154);
}

TEST("is repeatable bit for bit, and as new after a reset") {
  const Samples sent = voices::make_voice(16'000, 16'000);
  const OpusPolicy policy = {.rate_hz = 16'000, .bitrate_bps = 24'000};
  OpusEncoder first = encoder_of(policy);
  OpusEncoder second = encoder_of(policy);
  const std::vector<Payload> packets = encode_all(first, sent);
  CHECK_TRUE(packets == encode_all(second, sent));
  first.reset();
  CHECK_TRUE(packets == encode_all(first, sent));

  OpusDecoder decoder = OpusDecoder::open(8'000).value();
  const Samples heard = decode_all(decoder, packets);
  decoder.reset();
  CHECK_TRUE(heard == decode_all(decoder, packets));
}

TEST("moves as a whole: an encoder and a decoder go on after they were moved") {
  OpusEncoder encoder = encoder_of({.rate_hz = 8'000});
  OpusDecoder decoder = OpusDecoder::open(8'000).value();
  const Samples sent = tone_of(8'000, 1'000, 8'000);
  (void)decode_all(decoder, encode_all(encoder, sent));
  OpusEncoder moved_encoder = std::move(encoder);
  OpusDecoder moved_decoder = std::move(decoder);
  const Samples heard = decode_all(moved_decoder, encode_all(moved_encoder, sent));
  CHECK_TRUE(std::abs(sines::level_dbov(heard) + 16) < 1.0);
}

TEST("says how much it delays, and does so") {
  for (const std::uint32_t rate_hz : kRates) {
    OpusEncoder encoder = encoder_of({.rate_hz = rate_hz, .bitrate_bps = 32'000});
    OpusDecoder decoder = OpusDecoder::open(rate_hz).value();
    CHECK_EQ(encoder.delay_samples(), rate_hz * 65 / 10'000);  // 6.5 ms
    const Samples sent = voices::make_voice(rate_hz, rate_hz * 2);
    const Samples heard = decode_all(decoder, encode_all(encoder, sent));
    // The shift at which both are most alike, over a second.
    std::size_t best_shift = 0;
    double best = -1e9;
    for (std::size_t shift = 0; shift < rate_hz / 50; ++shift) {
      const double likeness = voices::likeness_db(Pcm(sent).subspan(rate_hz / 2, rate_hz),
                                                  Pcm(heard).subspan(rate_hz / 2 + shift, rate_hz));
      if (likeness > best) {
        best = likeness;
        best_shift = shift;
      }
    }
    const auto error =
        static_cast<double>(best_shift) - static_cast<double>(encoder.delay_samples());
    CHECK_TRUE(std::abs(error) <= rate_hz / 10'000.0);  // 0.1 ms: the resamplers' own
    CHECK_TRUE(best > 10);
  }
}

TEST(
    "decodes every frame length and packet length that Opus has, to the samples the packet "
    "promises") {
  struct Case {
    int application;
    std::initializer_list<std::uint32_t> tenths_ms;
  };
  for (const Case& of : {Case{OPUS_APPLICATION_VOIP, {100, 200, 400, 600, 800, 1'000, 1'200}},
                         Case{OPUS_APPLICATION_RESTRICTED_LOWDELAY,
                              {25, 50, 100, 200, 400, 600, 800, 1'000, 1'200}}}) {
    for (const std::uint32_t tenths_ms : of.tenths_ms) {
      for (const std::uint32_t rate_hz : kRates) {
        AnyEncoder encoder(48'000, 1, of.application);
        OpusDecoder decoder = OpusDecoder::open(rate_hz).value();
        const std::size_t samples = tenths_ms * 48 / 10;
        const Samples sent = tone_of(48'000, 1'000, 48'000);
        Samples heard;
        for (std::size_t at = 0; at + samples <= sent.size(); at += samples) {
          const Payload payload = encoder.encode(Pcm(sent).subspan(at, samples), samples);
          const std::size_t before = heard.size();
          REQUIRE(decode_into(decoder, payload, heard).ok());
          CHECK_EQ(heard.size() - before, tenths_ms * (rate_hz / 1'000) / 10);
        }
        const Pcm settled = last_of(heard, rate_hz / 2);
        CHECK_TRUE(std::abs(sines::loudest_near_hz(settled, 1'000, rate_hz) - 1'000) < 1.0);
        CHECK_TRUE(std::abs(sines::level_dbov(settled) + 16) < 1.0);
        // A sine's steepest step is 2 pi f / rate of its amplitude; a joint of pieces must not
        // stick out.
        const double steepest = 7'344 * 2 * std::numbers::pi * 1'000 / rate_hz;
        CHECK_TRUE(sines::largest_jump(settled) < 1.25 * steepest + 50);
      }
    }
  }
}

TEST("hands out a packet of 120 ms in pieces of at most 60 ms, and says where to go on") {
  AnyEncoder encoder(48'000, 1, OPUS_APPLICATION_VOIP);
  OpusDecoder decoder = OpusDecoder::open(8'000).value();
  const Samples sent = tone_of(48'000, 1'000, 5'760);
  const Payload payload = encoder.encode(sent, 5'760);
  const OpusPacket packet = OpusPacket::parse(payload).value();
  CHECK_EQ(packet.samples(kOpusClockHz), 5'760u);
  PcmFrame pcm;
  const std::uint32_t middle = decoder.decode(packet, 0, pcm).value();
  CHECK_EQ(pcm.size(), 480u);
  CHECK_EQ(middle * 2, packet.frame_count());
  CHECK_EQ(decoder.decode(packet, middle, pcm).value(), packet.frame_count());
  CHECK_EQ(pcm.size(), 480u);
  CHECK_ABORTS((void)decoder.decode(packet, packet.frame_count(), pcm));
}

TEST("decodes a packet of several frames to what libopus makes of it in one go") {
  AnyEncoder encoder(48'000, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY);
  OpusDecoder decoder = OpusDecoder::open(48'000).value();
  int error = 0;
  ::OpusDecoder* reference = opus_decoder_create(48'000, 1, &error);
  REQUIRE(reference != nullptr);
  const Samples sent = voices::make_voice(48'000, 2'880 * 20);
  for (std::size_t at = 0; at < sent.size(); at += 2'880) {
    const Payload payload = encoder.encode(Pcm(sent).subspan(at, 2'880), 2'880);
    CHECK_EQ(OpusPacket::parse(payload)->frame_count(), 3u);
    Samples expected(2'880);
    CHECK_EQ(opus_decode(reference, payload.data(), static_cast<opus_int32>(payload.size()),
                         expected.data(), 2'880, 0),
             2'880);
    Samples heard;
    CHECK_TRUE(decode_into(decoder, payload, heard).ok());
    CHECK_TRUE(heard == expected);
  }
  opus_decoder_destroy(reference);
}

TEST("decodes stereo to the middle of both channels") {
  for (const int application : {OPUS_APPLICATION_VOIP, OPUS_APPLICATION_AUDIO}) {
    AnyEncoder encoder(48'000, 2, application);
    OpusDecoder decoder = OpusDecoder::open(48'000).value();
    const Samples left = tone_of(48'000, 500, 48'000);
    const Samples right = tone_of(48'000, 1'700, 48'000);
    Samples both(left.size() * 2);
    for (std::size_t index = 0; index < left.size(); ++index) {
      both[2 * index] = left[index];
      both[2 * index + 1] = right[index];
    }
    Samples heard;
    for (std::size_t at = 0; at < left.size(); at += 960) {
      const Payload payload = encoder.encode(Pcm(both).subspan(2 * at, 2 * 960), 960);
      CHECK_TRUE(decode_into(decoder, payload, heard).ok());
    }
    const Pcm settled = last_of(heard, 24'000);
    // Each tone is halved: -22 dBov; together -19.
    CHECK_TRUE(std::abs(sines::level_dbov(settled) + 19) < 1.5);
    CHECK_TRUE(std::abs(sines::tone_level_dbov(settled, 500, 48'000) + 22) < 1.5);
    CHECK_TRUE(std::abs(sines::tone_level_dbov(settled, 1'700, 48'000) + 22) < 1.5);
  }
}

/// A voice at 16 kHz with FEC for 20 % loss, and what a decoder hears that gets every packet.
struct Stream {
  Stream() {
    OpusEncoder encoder =
        encoder_of({.rate_hz = 16'000, .bitrate_bps = 32'000, .loss_percent = 20, .fec = true});
    packets = encode_all(encoder, voices::make_voice(16'000, 16'000 * 4));
    OpusDecoder decoder = OpusDecoder::open(16'000).value();
    whole = decode_all(decoder, packets);
  }
  std::vector<Payload> packets;
  Samples whole;
};

TEST("recovers a lost frame from the next packet far better than it could guess it") {
  const Stream stream;
  double recovered_db = 0;
  double concealed_db = 0;
  int lost = 0;
  for (std::size_t at = 25; at + 1 < stream.packets.size(); at += 3) {
    const Result<OpusPacket> next = OpusPacket::parse(stream.packets[at + 1]);
    REQUIRE(next.ok());
    if (!next->has_fec()) continue;  // between two syllables there is nothing worth a copy
    const Pcm expected = Pcm(stream.whole).subspan(at * 320, 320);
    for (const bool with_copy : {true, false}) {
      OpusDecoder decoder = OpusDecoder::open(16'000).value();
      (void)decode_all(decoder, {stream.packets.begin(),
                                 stream.packets.begin() + static_cast<std::ptrdiff_t>(at)});
      PcmFrame pcm;
      if (with_copy) {
        CHECK_TRUE(decoder.recover(*next, 320, pcm).value() == OpusRecovery::kRecovered);
        recovered_db += voices::likeness_db(expected, pcm.samples());
      } else {
        CHECK_TRUE(decoder.conceal(320, pcm).ok());
        concealed_db += voices::likeness_db(expected, pcm.samples());
      }
      CHECK_EQ(pcm.size(), 320u);
    }
    ++lost;
  }
  CHECK_TRUE(lost > 30);
  CHECK_TRUE(recovered_db / lost > 6);
  CHECK_TRUE(recovered_db / lost > concealed_db / lost + 4);
}

TEST("writes FEC for every far side that wants it, whatever source, band, frame and loss") {
  for (const std::uint32_t rate_hz : kRates) {
    for (const std::uint32_t playback_rate_hz : {8'000u, 12'000u, 16'000u, 24'000u, 48'000u}) {
      if (playback_rate_hz > rate_hz) continue;
      for (const std::uint32_t frame_ms : {10u, 20u, 40u, 60u}) {
        for (const std::uint32_t loss_percent : {1u, 5u, 20u}) {
          const OpusPolicy policy = opus_policy(
              {.max_playback_rate_hz = playback_rate_hz,
               .ptime_ms = frame_ms,
               .use_inband_fec = true},
              {.source_rate_hz = rate_hz, .complexity = 2, .loss_percent = loss_percent});
          OpusEncoder encoder = encoder_of(policy);
          const Samples sent = voices::make_voice(policy.rate_hz, policy.rate_hz);
          const std::vector<Payload> packets = encode_all(encoder, sent);
          const auto with_copy = std::count_if(
              packets.begin(), packets.end(),
              [](const Payload& payload) { return OpusPacket::parse(payload)->has_fec(); });
          CHECK_TRUE(with_copy * 3 > static_cast<std::ptrdiff_t>(packets.size()));
        }
      }
    }
  }
}

TEST("takes only the end of a longer gap from the copy, and says when there is none to take") {
  const Stream stream;
  OpusDecoder decoder = OpusDecoder::open(16'000).value();
  const auto has_fec = [](const Payload& payload) { return OpusPacket::parse(payload)->has_fec(); };
  const auto next_at = std::find_if(stream.packets.begin() + 27, stream.packets.end(), has_fec);
  REQUIRE(next_at != stream.packets.end());
  (void)decode_all(decoder, {stream.packets.begin(), next_at - 2});
  const OpusPacket next = OpusPacket::parse(*next_at).value();
  PcmFrame pcm;
  CHECK_TRUE(decoder.recover(next, 640, pcm).value() == OpusRecovery::kRecovered);
  CHECK_EQ(pcm.size(), 640u);
  CHECK_TRUE(decoder.recover(next, 160, pcm).value() == OpusRecovery::kConcealed);
  CHECK_EQ(pcm.size(), 160u);

  OpusEncoder plain = encoder_of({.rate_hz = 16'000, .bitrate_bps = 32'000});
  const std::vector<Payload> without = encode_all(plain, voices::make_voice(16'000, 16'000));
  const OpusPacket bare = OpusPacket::parse(without[30]).value();
  CHECK_FALSE(bare.has_fec());
  CHECK_TRUE(decoder.recover(bare, 320, pcm).value() == OpusRecovery::kConcealed);
  CHECK_EQ(pcm.size(), 320u);
}

TEST("conceals by going on and fading, without a click, and comes back") {
  for (const std::uint32_t rate_hz : kRates) {
    OpusEncoder encoder = encoder_of({.rate_hz = rate_hz, .bitrate_bps = 32'000});
    OpusDecoder decoder = OpusDecoder::open(rate_hz).value();
    const std::size_t step = encoder.frame_samples();
    const Samples sent = tone_of(rate_hz, 300, rate_hz * 2);
    const std::vector<Payload> packets = encode_all(encoder, sent);
    Samples heard = decode_all(decoder, {packets.begin(), packets.begin() + 50});
    PcmFrame pcm;
    std::vector<double> levels;
    for (int lost = 0; lost < 25; ++lost) {
      CHECK_TRUE(decoder.conceal(step, pcm).ok());
      REQUIRE(pcm.size() == step);
      levels.push_back(sines::level_dbov(pcm.samples()));
      append(heard, pcm);
    }
    CHECK_TRUE(levels.front() > -24);
    CHECK_TRUE(levels.back() < -40);
    for (std::size_t index = 1; index < levels.size(); ++index) {
      CHECK_TRUE(levels[index] < levels.front() + 1);
      CHECK_TRUE(levels[index] < levels[index - 1] + 5);  // what remains is noise
    }
    const Samples back = decode_all(decoder, {packets.begin() + 75, packets.end()});
    heard.insert(heard.end(), back.begin(), back.end());
    CHECK_TRUE(std::abs(sines::level_dbov(last_of(heard, rate_hz / 4)) + 16) < 1.0);
    const double steepest = 7'344 * 2 * std::numbers::pi * 300 / rate_hz;
    CHECK_TRUE(sines::largest_jump(last_of(heard, heard.size() - rate_hz / 2)) < 3 * steepest + 50);
  }
}

TEST("conceals any multiple of 2.5 ms up to 60 ms and refuses other lengths") {
  OpusDecoder decoder = OpusDecoder::open(8'000).value();
  PcmFrame pcm;
  CHECK_TRUE(decoder.conceal(160, pcm).ok());
  CHECK_TRUE(sines::level_dbov(pcm.samples()) < -100);  // nothing was heard yet
  const Payload packet = {0x48, 0x12, 0x34, 0x56, 0x78};
  for (std::size_t samples = 20; samples <= 480; samples += 20) {
    CHECK_TRUE(decoder.conceal(samples, pcm).ok());
    CHECK_EQ(pcm.size(), samples);
  }
  for (const std::size_t samples :
       {std::size_t{0}, std::size_t{19}, std::size_t{170}, std::size_t{500}}) {
    CHECK_EQ(decoder.conceal(samples, pcm).code(), ErrorCode::kConfigInvalid);
    CHECK_TRUE(pcm.empty());
    CHECK_EQ(decoder.recover(OpusPacket::parse(packet).value(), samples, pcm).code(),
             ErrorCode::kConfigInvalid);
  }
}

TEST("sends next to nothing in silence with DTX, and the far side hears a quiet without gaps") {
  for (const std::uint32_t rate_hz : {8'000u, 16'000u}) {
    OpusEncoder encoder = encoder_of({.rate_hz = rate_hz, .bitrate_bps = 16'000, .dtx = true});
    OpusDecoder decoder = OpusDecoder::open(rate_hz).value();
    Samples sent = voices::make_voice(rate_hz, rate_hz);
    Prng prng(5);
    for (std::size_t index = 0; index < rate_hz * 4; ++index) {
      sent.push_back(static_cast<std::int16_t>(prng.below(9)) - 4);  // a quiet room
    }
    const std::vector<Payload> packets = encode_all(encoder, sent);
    const auto is_sent = [](const Payload& payload) { return !payload.empty(); };
    const auto silence = packets.begin() + 100;  // a second after the voice ended
    const std::ptrdiff_t kept = std::count_if(silence, packets.end(), is_sent);
    CHECK_TRUE(kept >= 6 && kept <= 10);  // 3 s: one for every 400 ms
    CHECK_EQ(std::count_if(packets.begin(), packets.begin() + 50, is_sent), 50);

    PcmFrame pcm;
    Samples heard;
    for (const Payload& payload : packets) {
      if (!payload.empty()) {
        CHECK_TRUE(decode_into(decoder, payload, heard).ok());
        continue;
      }
      CHECK_TRUE(decoder.conceal(encoder.frame_samples(), pcm).ok());
      append(heard, pcm);
    }
    CHECK_EQ(heard.size(), sent.size());
    CHECK_TRUE(sines::level_dbov(last_of(heard, rate_hz)) < -60);
  }
}

TEST("sends everything when DTX is off, however silent") {
  OpusEncoder encoder = encoder_of({.rate_hz = 8'000, .bitrate_bps = 16'000});
  for (const Payload& payload : encode_all(encoder, Samples(8'000)))
    CHECK_TRUE(payload.size() > 2);
}

TEST("takes packets of one or two bytes as silence of the length they say") {
  OpusDecoder decoder = OpusDecoder::open(16'000).value();
  const Stream stream;
  (void)decode_all(decoder, {stream.packets.begin(), stream.packets.begin() + 20});
  for (const Payload& payload : {Payload{0x48}, Payload{0x48, 0x00}, Payload{0x49}}) {
    Samples heard;
    CHECK_TRUE(decode_into(decoder, payload, heard).ok());
    CHECK_EQ(heard.size(), OpusPacket::parse(payload)->samples(16'000));
  }
}

TEST("answers 10,000 random packets with the promised samples or a code, and plays on") {
  Prng prng(6'716);
  OpusDecoder decoder = OpusDecoder::open(48'000).value();
  PcmFrame pcm;
  for (int round = 0; round < 10'000; ++round) {
    Payload payload(1 + prng.below(200));
    for (std::uint8_t& byte : payload)
      byte = static_cast<std::uint8_t>(prng.next_u32());
    const Result<OpusPacket> packet = OpusPacket::parse(payload);
    if (!packet.ok()) continue;
    if (prng.below(4) == 0) (void)decoder.recover(*packet, 120 * (1 + prng.below(24)), pcm);
    std::size_t samples = 0;
    for (std::uint32_t frame = 0; frame < packet->frame_count();) {
      const Result<std::uint32_t> next = decoder.decode(*packet, frame, pcm);
      if (!next.ok()) break;
      samples += pcm.size();
      frame = *next;
      CHECK_TRUE(frame < packet->frame_count() || samples == packet->samples(48'000));
    }
  }
  OpusEncoder encoder = encoder_of({});
  const Samples heard = decode_all(decoder, encode_all(encoder, tone_of(48'000, 1'000, 48'000)));
  CHECK_TRUE(std::abs(sines::level_dbov(last_of(heard, 24'000)) + 16) < 1.0);
}

}  // namespace
