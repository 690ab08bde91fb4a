// RTCP on the wire: checked views of received compound packets and a builder for our own. RFC 3550
// §6, A.2; feedback RFC 4585; extended reports RFC 3611; reduced size RFC 5506. Copies nothing but
// what the builder writes; every loop is bounded by limits.h and by the bytes at hand.
//
//   datagram  | packet | packet | ... |          each: |V=2|P| count | type | words - 1 | body ...
//   |
//
// Use: CompoundReader::parse checks the framing of the whole datagram first; then next() yields
// packets that are known to lie inside it, and the parse function of a packet's type checks its
// body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "rtp/ntp.h"
#include "rtp/sequence.h"
#include "rtp/source_statistics.h"

namespace trunkyard::rtp {

/// Types that have a view here. Others are skipped over by their length (RFC 3550 §6.1).
enum class RtcpType : std::uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kSourceDescription = 202,
  kBye = 203,
  kApplication = 204,
  kTransportFeedback = 205,
  kPayloadFeedback = 206,
  kExtendedReport = 207,
};

enum class SdesType : std::uint8_t {
  kEnd = 0,
  kCname = 1,
  kName = 2,
  kEmail = 3,
  kPhone = 4,
  kLocation = 5,
  kTool = 6,
  kNote = 7,
  kPrivate = 8,
};

inline constexpr std::size_t kRtcpHeaderBytes = 4;
inline constexpr std::size_t kReportBlockBytes = 24;
inline constexpr std::size_t kSenderInfoBytes = 20;

/// One packet of a compound. Its length has been checked against the datagram.
struct RtcpPacket {
  /// Any number may stand here; compare with RtcpType.
  RtcpType type{};
  /// The 5 bits beside the version: report, chunk or source count, subtype or feedback message
  /// type.
  std::uint8_t count = 0;
  /// After the 4-byte header, without padding.
  Bytes body;
  /// The packet as it lies in the datagram, header and padding included.
  Bytes whole;
};

/// What may stand first in a datagram.
enum class CompoundRule : std::uint8_t {
  kCompound,     ///< a sender or receiver report, as RFC 3550 §6.1 demands
  kReducedSize,  ///< anything, once both sides have agreed on RFC 5506
};

/// Walks over the packets of one datagram. Valid as long as the bytes.
class CompoundReader {
 public:
  /// Checks the framing of the whole datagram (A.2): version 2 in each packet, the first of the
  /// right type, padding in the last alone, lengths that add up to the datagram exactly.
  /// @returns kPacketTruncated, kVersionUnsupported or kPacketMalformed (also for more than
  ///          kRtcpPacketsMax packets).
  [[nodiscard]] static Result<CompoundReader> parse(Bytes datagram, CompoundRule rule) noexcept;

  /// Packets in the datagram, at least 1.
  [[nodiscard]] std::uint32_t packet_count() const noexcept { return packet_count_; }
  /// The next packet; false when there are no more.
  [[nodiscard]] bool next(RtcpPacket& packet) noexcept;

 private:
  CompoundReader(Bytes datagram, std::uint32_t packet_count) noexcept
      : rest_(datagram), packet_count_(packet_count) {}

  Bytes rest_;
  std::uint32_t packet_count_;
};

/// Report blocks of a parsed report, decoded one at a time.
class ReportBlocks {
 public:
  ReportBlocks() noexcept = default;
  explicit ReportBlocks(Bytes bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::uint32_t size() const noexcept {
    return static_cast<std::uint32_t>(bytes_.size() / kReportBlockBytes);
  }
  /// @param index below size() (CHECKed).
  [[nodiscard]] ReportBlock operator[](std::uint32_t index) const noexcept;

 private:
  Bytes bytes_;
};

/// RFC 3550 §6.4.1.
struct SenderReport {
  Ssrc ssrc{};
  NtpTime ntp;
  RtpTimestamp rtp_timestamp{};
  std::uint32_t packet_count = 0;
  std::uint32_t octet_count = 0;
  ReportBlocks blocks;
};
/// RFC 3550 §6.4.2.
struct ReceiverReport {
  Ssrc ssrc{};
  ReportBlocks blocks;
};
/// RFC 3550 §6.6.
struct Bye {
  /// 4 bytes each.
  Bytes sources;
  /// As sent, not necessarily UTF-8; empty when absent.
  Bytes reason;

  [[nodiscard]] std::uint32_t source_count() const noexcept {
    return static_cast<std::uint32_t>(sources.size() / 4);
  }
  /// @param index below source_count() (CHECKed).
  [[nodiscard]] Ssrc source(std::uint32_t index) const noexcept;
};
/// RFC 3550 §6.7.
struct Application {
  std::uint8_t subtype = 0;
  Ssrc ssrc{};
  Bytes name;  ///< 4 bytes
  Bytes data;
};
/// RTPFB and PSFB (RFC 4585 §6.1).
struct Feedback {
  std::uint8_t message_type = 0;
  Ssrc sender{};
  Ssrc media{};
  Bytes control_information;
};

// Body parsers. Each takes a packet of its type (CHECKed) and answers kPacketTruncated when the
// body is shorter than its counts say. Bytes after the counted part are profile extensions and are
// ignored.
[[nodiscard]] Result<SenderReport> parse_sender_report(const RtcpPacket& packet) noexcept;
[[nodiscard]] Result<ReceiverReport> parse_receiver_report(const RtcpPacket& packet) noexcept;
[[nodiscard]] Result<Bye> parse_bye(const RtcpPacket& packet) noexcept;
[[nodiscard]] Result<Application> parse_application(const RtcpPacket& packet) noexcept;
/// For both feedback types.
[[nodiscard]] Result<Feedback> parse_feedback(const RtcpPacket& packet) noexcept;

/// One item of a source description. `type` is never kEnd.
struct SdesItem {
  Ssrc ssrc{};
  SdesType type{};
  Bytes text;
};

/// Walks over all items of all chunks (RFC 3550 §6.5).
class SdesReader {
 public:
  /// @param packet of type kSourceDescription (CHECKed).
  explicit SdesReader(const RtcpPacket& packet) noexcept;

  /// The next item; false at the end or where the packet is damaged.
  [[nodiscard]] bool next(SdesItem& item) noexcept;
  /// Ask after next() said false: whether every chunk was whole.
  [[nodiscard]] bool ok() const noexcept { return !failed_; }

 private:
  ByteReader reader_;
  std::uint32_t chunks_left_;
  std::uint32_t items_seen_ = 0;
  bool in_chunk_ = false;
  bool failed_ = false;
  Ssrc ssrc_{};
};

/// One block of an extended report (RFC 3611 §3).
struct ExtendedBlock {
  std::uint8_t block_type = 0;
  std::uint8_t type_specific = 0;
  Bytes data;
};

/// Walks over the blocks of an extended report.
class ExtendedReportReader {
 public:
  /// @param packet of type kExtendedReport (CHECKed).
  explicit ExtendedReportReader(const RtcpPacket& packet) noexcept;

  /// Meaningless unless ok().
  [[nodiscard]] Ssrc ssrc() const noexcept { return ssrc_; }
  [[nodiscard]] bool next(ExtendedBlock& block) noexcept;
  [[nodiscard]] bool ok() const noexcept { return reader_.ok(); }

 private:
  ByteReader reader_;
  Ssrc ssrc_;
};

/// What a sender report says about our own stream.
struct SenderInfo {
  NtpTime ntp;
  RtpTimestamp rtp_timestamp{};
  std::uint32_t packet_count = 0;
  std::uint32_t octet_count = 0;
};

/// Writes a compound packet. Add in the order the RFC wants: report, SDES, then BYE. A builder that
/// ran out of room or was given too long a text yields an empty datagram, never half a one.
class CompoundBuilder {
 public:
  explicit CompoundBuilder(MutableBytes buffer) noexcept : writer_(buffer) {}

  /// @param blocks at most kRtcpCountMax (more make the builder fail).
  void add_sender_report(Ssrc ssrc, const SenderInfo& info,
                         std::span<const ReportBlock> blocks) noexcept;
  void add_receiver_report(Ssrc ssrc, std::span<const ReportBlock> blocks) noexcept;
  /// @param cname 1..kSdesTextBytesMax bytes (RFC 3550 §6.5.1, RFC 7022 for how to choose one).
  void add_cname(Ssrc ssrc, Bytes cname) noexcept;
  /// @param reason empty = none; at most kSdesTextBytesMax bytes.
  void add_bye(Ssrc ssrc, Bytes reason) noexcept;

  /// The datagram; empty when it didn't fit.
  [[nodiscard]] Bytes finish() const noexcept { return failed_ ? Bytes{} : writer_.written(); }

 private:
  std::size_t begin(RtcpType type, std::size_t count) noexcept;
  void end(std::size_t start) noexcept;
  void write_block(const ReportBlock& block) noexcept;

  ByteWriter writer_;
  bool failed_ = false;
};

/// Copies a compound without its BYE packets: RTCP of one leg is relayed to the other, but a call
/// ends by SIP alone.
/// @param datagram one that CompoundReader::parse accepts (CHECKed by parsing again).
/// @param into     at least as long as the datagram.
/// @returns the copy; empty when nothing else was in it.
[[nodiscard]] Bytes copy_without_bye(Bytes datagram, MutableBytes into) noexcept;

/// Gives a source another name wherever a compound speaks of it: as sender, in report blocks,
/// chunks and farewells. For a relay that sends a stream on under another SSRC than it came with;
/// without that its reports would be about nobody. Blocks of extended reports keep their names.
/// @param datagram changed in place; left alone when CompoundReader::parse refuses it.
void rename_source(MutableBytes datagram, Ssrc from, Ssrc to) noexcept;

}  // namespace trunkyard::rtp
