// What a context remembers of each stream (SSRC) under its key: indices and replay windows; and how
// the 48-bit index of an RTP packet is found from its 16-bit sequence number.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/check.h"
#include "base/limits.h"
#include "rtp/sequence.h"
#include "srtp/replay_window.h"

namespace trunkyard::srtp {

/// An RTP index is 32 bits of rollover counter and 16 of sequence number (RFC 3711 §3.3.1).
inline constexpr std::uint64_t kRtpIndexEnd = std::uint64_t{1} << 48;
inline constexpr std::uint64_t kRtcpIndexEnd = std::uint64_t{1} << 31;

[[nodiscard]] constexpr std::uint64_t rtp_index(std::uint32_t rollover,
                                                std::uint16_t sequence) noexcept {
  return std::uint64_t{rollover} << 16 | sequence;
}

/// The index of `sequence` that lies nearest to `highest` (§3.3.1 and appendix A: at the exact half
/// way the rollover counter stays). May reach kRtpIndexEnd, which the caller refuses.
/// @returns nothing for a packet from before the stream's first rollover period.
[[nodiscard]] constexpr std::optional<std::uint64_t> estimate_index(
    std::uint64_t highest, std::uint16_t sequence) noexcept {
  constexpr std::int64_t kHalf = 1 << 15;
  const auto reference = static_cast<std::uint16_t>(highest);
  std::int64_t distance = rtp::sequence_distance(reference, sequence);
  if (distance == -kHalf && reference < kHalf) distance = kHalf;
  const std::int64_t index = static_cast<std::int64_t>(highest) + distance;
  if (index < 0) return std::nullopt;
  return static_cast<std::uint64_t>(index);
}

struct Source {
  /// No place is known.
  static constexpr std::uint64_t kNowhere = kRtpIndexEnd;

  rtp::Ssrc ssrc{};
  std::uint32_t rtcp_next = 0;  ///< when sending: index of the next RTCP packet
  /// Where the stream has come to under another key, until it is met under this one: the highest
  /// index of its RTP packets, or kNowhere. Proves nothing.
  std::uint64_t rtp_hint = kNowhere;
  ReplayWindow rtp;
  ReplayWindow rtcp;

  /// Whether it has been met under the key in use.
  [[nodiscard]] bool confirmed() const noexcept { return rtp.confirmed() || rtcp.confirmed(); }
  /// The highest index known of its RTP packets, or kNowhere.
  [[nodiscard]] std::uint64_t rtp_place() const noexcept {
    return rtp_hint == kNowhere && rtp.confirmed() ? rtp.highest() : rtp_hint;
  }
  /// Notes an authentic RTP packet, and with it where the stream stands.
  void mark_rtp(std::uint64_t index) noexcept {
    rtp.mark(index);
    rtp_hint = kNowhere;
  }
};

/// A source keeps its place as long as the key: were it forgotten, its old packets could be played
/// back as those of a new one, and a part of our own keystream used twice. So none is ever pushed
/// out but by a new key; when the table is full, further sources are refused and counted.
class SourceTable {
 public:
  [[nodiscard]] Source* find(rtp::Ssrc ssrc) noexcept {
    // Nearly always the same one as for the packet before.
    if (last_ < count_ && sources_[last_].ssrc == ssrc) return &sources_[last_];
    for (std::uint32_t index = 0; index < count_; ++index) {
      if (sources_[index].ssrc != ssrc) continue;
      last_ = index;
      return &sources_[index];
    }
    return nullptr;
  }
  [[nodiscard]] bool has_room() const noexcept { return free_place() < kSrtpSourcesMax; }
  /// @returns the new source, at index 0 of both kinds. There is room (CHECKed).
  [[nodiscard]] Source& add(rtp::Ssrc ssrc) noexcept {
    last_ = free_place();
    CHECK(last_ < kSrtpSourcesMax);
    if (last_ == count_) ++count_;
    sources_[last_] = Source{};
    sources_[last_].ssrc = ssrc;
    return sources_[last_];
  }
  /// With those that are left over from an earlier key.
  [[nodiscard]] std::uint32_t size() const noexcept { return count_; }
  [[nodiscard]] const Source* begin() const noexcept { return sources_.data(); }
  [[nodiscard]] const Source* end() const noexcept { return sources_.data() + count_; }

 private:
  /// Where a new source goes: behind the others, then in place of one that the key in use has never
  /// met. kSrtpSourcesMax when there is no such place.
  [[nodiscard]] std::uint32_t free_place() const noexcept {
    if (count_ < kSrtpSourcesMax) return count_;
    std::uint32_t index = 0;
    while (index < kSrtpSourcesMax && sources_[index].confirmed())
      ++index;
    return index;
  }

  std::array<Source, kSrtpSourcesMax> sources_;
  std::uint32_t count_ = 0;
  std::uint32_t last_ = 0;
};

}  // namespace trunkyard::srtp
