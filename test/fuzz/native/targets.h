// The fuzz targets. Each takes one input, calls its parser and checks what must hold of the answer;
// a broken promise ends in CHECK. Driven by libFuzzer (libfuzzer_entry.cc) and, with any compiler,
// by the seeded loop and the replay of test/native/fuzz_replay_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fuzz {

int audio_fuzz(const std::uint8_t* data, std::size_t size);
int clip_fuzz(const std::uint8_t* data, std::size_t size);
int codec_fuzz(const std::uint8_t* data, std::size_t size);
int ogg_fuzz(const std::uint8_t* data, std::size_t size);
int opus_fuzz(const std::uint8_t* data, std::size_t size);
int opus_packet_fuzz(const std::uint8_t* data, std::size_t size);
int route_fuzz(const std::uint8_t* data, std::size_t size);
int rtp_fuzz(const std::uint8_t* data, std::size_t size);
int jitter_fuzz(const std::uint8_t* data, std::size_t size);
int red_fuzz(const std::uint8_t* data, std::size_t size);
int rtcp_fuzz(const std::uint8_t* data, std::size_t size);
int segment_fuzz(const std::uint8_t* data, std::size_t size);
int srtp_fuzz(const std::uint8_t* data, std::size_t size);
int comfort_noise_fuzz(const std::uint8_t* data, std::size_t size);
int telephone_event_fuzz(const std::uint8_t* data, std::size_t size);
int wav_fuzz(const std::uint8_t* data, std::size_t size);

}  // namespace fuzz
