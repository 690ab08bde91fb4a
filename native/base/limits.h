// Every bound of the native engine, and how the bounds relate. A loop, table or buffer anywhere in
// native/ ends at a number from this file, so that "what is the most that can happen here" has one
// place to look. Sizes an operator chooses (ports, endpoints, threads) are configuration and only
// their ceilings stand here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trunkyard {

static_assert(__cplusplus >= 202002L, "build with -std=c++20 or newer");

/// What two writers must keep apart so that they don't slow each other down.
inline constexpr std::size_t kCacheLineBytes = 64;

/// Receive buffer for one datagram. Larger ones are cut by the kernel and dropped, counted.
/// RTP that fits an Ethernet frame is at most 1472 bytes; the rest is room for tunnels and jumbo.
inline constexpr std::size_t kPacketBytesMax = 2048;

/// Handle layout (slab.h): 6 bits thread, 12 bits generation, 14 bits slot. A thread saturates its
/// core far below 16,384 endpoints of 50 packets a second, so slots are not what runs out first.
inline constexpr std::uint32_t kHandleThreadBits = 6;
inline constexpr std::uint32_t kHandleGenerationBits = 12;
inline constexpr std::uint32_t kHandleSlotBits = 14;
static_assert(kHandleThreadBits + kHandleGenerationBits + kHandleSlotBits == 32);

inline constexpr std::uint32_t kMediaThreadsMax = 1u << kHandleThreadBits;
inline constexpr std::uint32_t kSlotsPerThreadMax = 1u << kHandleSlotBits;
/// Generation 0 is never handed out, so that an all-zero handle is never valid.
inline constexpr std::uint32_t kHandleGenerationMax = (1u << kHandleGenerationBits) - 1;

/// Endpoints of one node, all threads together.
inline constexpr std::uint32_t kEndpointsMax = 1u << 18;
static_assert(kEndpointsMax <= kMediaThreadsMax * kSlotsPerThreadMax);

/// Datagrams a second that one socket may bring; voice needs at most 400 (2.5 ms Opus), and what a
/// stalled network lets go at once is less than the rest. Beyond it the socket is not read until
/// its second is over: whoever floods his own call must not take the thread from the others on it.
inline constexpr std::uint16_t kSocketDatagramsPerSecondMax = 1000;

/// RTP payload types are 7 bits (RFC 3550 §5.1).
inline constexpr std::uint32_t kPayloadTypes = 128;
/// The CSRC count is 4 bits (RFC 3550 §5.1).
inline constexpr std::uint32_t kCsrcsMax = 15;

/// RTCP packets looked at in one compound datagram; a datagram with more is refused as malformed.
inline constexpr std::uint32_t kRtcpPacketsMax = 32;
/// Report blocks, SDES chunks and BYE sources are counted in 5 bits (RFC 3550 §6.4).
inline constexpr std::uint32_t kRtcpCountMax = 31;
/// Items looked at in one SDES chunk; nine kinds exist, PRIV may repeat.
inline constexpr std::uint32_t kSdesItemsMax = 32;
/// SDES items and BYE reasons have an 8-bit length (RFC 3550 §6.5).
inline constexpr std::size_t kSdesTextBytesMax = 255;

/// Audio in one packet or frame, in milliseconds: ptime goes from 10 to 60.
inline constexpr std::uint32_t kFrameMsMax = 60;
inline constexpr std::uint32_t kPcmRateHzMax = 48'000;
/// Samples of the longest frame of one channel.
inline constexpr std::size_t kPcmSamplesMax = kPcmRateHzMax / 1'000 * kFrameMsMax;

/// Participants of one conference on one media thread. A conference may have a part on several
/// threads.
inline constexpr std::uint32_t kMixParticipantsMax = 1'024;
/// Those who may say something to one mixer: the largest room, and what is played into it.
inline constexpr std::uint32_t kMixSlotsMax = kMixParticipantsMax + 1;
inline constexpr std::uint32_t kMixPartsMax = 16;
/// Conferences of one host that have parts on several media threads.
inline constexpr std::uint32_t kConferenceSpansMax = 256;
/// Seats in all conferences of one media thread, for each of its endpoints: conferences may be
/// opened for more participants than come.
inline constexpr std::uint32_t kSeatsPerSlotMax = 8;
// Everybody at full scale, and as many who have just left and fade out, still fit 32 bits.
static_assert(std::uint64_t{kMixSlotsMax} * 2 * kMixPartsMax * 32'768 < 1u << 31);

/// Streams (SSRCs) under one SRTP key of one direction; further ones are refused until the key
/// changes.
inline constexpr std::uint32_t kSrtpSourcesMax = 32;
/// Keys that a direction of a leg has left and may come back to, with what was met under each: 2 KB
/// a key, taken by legs that change keys alone.
inline constexpr std::uint32_t kSrtpKeysRemembered = 4;
/// How far behind the newest packet a late one may be and still be told from a replay: RFC 3711
/// §3.3.2 asks for 64 at least; this is 2.5 s of voice.
inline constexpr std::uint32_t kReplayWindowPackets = 128;
/// The longest master key identifier we carry; up to 128 are allowed (RFC 4568 §6.1), 1 to 4 are in
/// use.
inline constexpr std::size_t kMkiBytesMax = 4;
/// How much longer SRTP and SRTCP make a packet at most: tag, E bit and index, MKI.
inline constexpr std::size_t kSrtpTailBytesMax = 24;
/// Key presses that wait to be said to one leg; more digits than any dialled number has.
inline constexpr std::uint32_t kEventQueueMax = 64;
/// Key presses of one leg that the control plane has not taken yet.
inline constexpr std::uint32_t kDigitReportsMax = 16;
/// The same of what a leg's speech timer found.
inline constexpr std::uint32_t kSpeechReportsMax = 8;
/// Reflection coefficients used of a comfort noise payload; further ones are left out, which
/// RFC 3389 §3 allows.
inline constexpr std::size_t kComfortNoiseOrderMax = 12;

/// Channels of a recording: the two parties of a call.
inline constexpr std::uint8_t kRecordingChannelsMax = 2;
/// Media in one block of a segment: what a killed process loses at most.
inline constexpr std::uint32_t kSegmentBlockMsMax = 1'000;
inline constexpr std::size_t kSegmentBlockBytesMax = 96'000;
static_assert(kSegmentBlockBytesMax >= std::size_t{2} * kPcmRateHzMax / 1'000 * kSegmentBlockMsMax);
/// A segment is read whole; what claims to be longer isn't one.
inline constexpr std::size_t kSegmentBytesMax = 8 * 1024 * 1024;
static_assert(kSegmentBlockBytesMax * 16 < kSegmentBytesMax);
/// Segments of one recording: two days in the 30 s that they have. A recording that needs more
/// ends there, by its maximum.
inline constexpr std::uint32_t kSegmentsMax = 6'144;
/// Positions in a recording, in samples: 186 years at 48,000 Hz, so that sums never wrap.
inline constexpr std::uint64_t kRecordingPositionMax = std::uint64_t{1} << 48;
/// Encodings of one clip side by side: every payload kind, PCM at each rate, and one to spare.
inline constexpr std::uint32_t kClipTracksMax = 8;
/// Frames of one clip: two hours of 20 ms.
inline constexpr std::uint32_t kClipFramesMax = 360'000;
/// A clip's file: three quarters of an hour of PCM at 48,000 Hz, hours of anything smaller.
inline constexpr std::size_t kClipBytesMax = std::size_t{256} * 1024 * 1024;
/// Clips that one host holds mapped.
inline constexpr std::uint32_t kClipsMax = 4'096;
/// A file's name in the media folder.
inline constexpr std::size_t kFileNameBytesMax = 160;
/// Requests of one media thread that wait for the disk; and answers for the media thread.
inline constexpr std::uint32_t kFileRequestsMax = 256;
/// Recordings that one host writes at once.
inline constexpr std::uint32_t kRecordingsMax = 4'096;
/// Recordings of one endpoint or conference at once: one that is kept and one for somebody who
/// listens meanwhile.
inline constexpr std::uint32_t kTapsMax = 2;
/// What a tap has copied and the files thread has not taken yet, in records of 80 samples.
inline constexpr std::uint32_t kTapRecordsMax = 1'024;
/// Clips and tones that are played to one leg or wait behind each other.
inline constexpr std::uint32_t kPlayQueueMax = 16;
/// An Opus packet that we write or play: one of 20 ms has at most 1,276 bytes (RFC 6716 §3.2.1),
/// one of 60 ms a little over three times as many.
inline constexpr std::size_t kOpusPacketBytesMax = 4'000;
/// Chunks looked at in a WAV file; it has two to five, those with a broadcaster's metadata a dozen.
inline constexpr std::uint32_t kWavChunksMax = 256;
/// Damaged pages in an Ogg file before its reader gives up: each costs a search for the next one.
inline constexpr std::uint32_t kOggDamagesMax = 64;

/// Rings in shared memory (spsc.h).
inline constexpr std::uint32_t kRingRecordsMax = 1u << 20;
inline constexpr std::uint32_t kRingRecordBytesMax = 32 * 1024;
/// Blobs that ride in an order record (keys, certificates, maps).
inline constexpr std::uint32_t kOrderBlobBytesMax = 16 * 1024;
static_assert(kOrderBlobBytesMax < kRingRecordBytesMax);

/// Values in one statistics slot, its sequence number not counted (spsc.h).
inline constexpr std::size_t kStatsValuesMax = 64;
/// How often a reader of a statistics slot tries before it reports "busy".
inline constexpr std::uint32_t kStatsReadTriesMax = 16;

}  // namespace trunkyard
