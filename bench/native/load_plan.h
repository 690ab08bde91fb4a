// What the load tool is asked to do, read from lines of text: whoever drives it writes them by hand
// or by program, and a wrong line is answered with its number.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace trunkyard::bench {

/// What a stream says: payloads made beforehand, one after the other and then again from the first.
struct PayloadPlan {
  std::uint8_t payload_type = 0;
  /// What the RTP timestamp goes on by with each packet.
  std::uint32_t timestamp_step = 160;
  std::vector<std::vector<std::uint8_t>> payloads;
};

/// Bytes of a master key and master salt of AES_CM_128_HMAC_SHA1_80 (RFC 4568 §6.2).
inline constexpr std::size_t kKeyAndSaltBytes = 30;

/// One-way RTP: leaves from one socket of ours towards a target, should come back at another.
struct StreamPlan {
  /// Indexes into LoadPlan::locals.
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  sockaddr_in target = {};
  /// Where what comes of it will come from. Then it is known by that and only counted: a program
  /// that changes payloads leaves nothing else to know it by. Without, each packet carries its
  /// name, number and time in its payload.
  std::optional<sockaddr_in> source;
  /// Index into LoadPlan::payloads; without, 20 ms of PCMU.
  std::optional<std::uint32_t> payload;
  /// Packets leave under SRTP.
  std::optional<std::array<std::uint8_t, kKeyAndSaltBytes>> key;
};

/// One RTP socket of ours; RTCP uses the port above.
struct LocalPlan {
  sockaddr_in address = {};
  /// Name of the network namespace it lives in (ip-netns(8)); empty for this process's own.
  std::string network;
};

struct LoadPlan {
  std::vector<LocalPlan> locals;
  std::vector<PayloadPlan> payloads;
  std::vector<StreamPlan> streams;
  /// Time under load before counting begins, and the time counted.
  std::uint64_t warmup_ms = 1'000;
  std::uint64_t measure_ms = 5'000;
  /// Between two packets of a stream; 20 is what carriers send.
  std::uint64_t interval_ms = 20;
  /// Between two RTCP sender reports of a stream (RFC 3550 §6.2); 0 = none.
  std::uint64_t rtcp_interval_ms = 5'000;
};

inline constexpr std::size_t kStreamsMax = 65'536;
inline constexpr std::size_t kLocalsMax = 4'096;
inline constexpr std::size_t kPayloadFilesMax = 16;
inline constexpr std::size_t kPayloadBytesMax = 480;

/// Reads a plan:
///
///     warmup_ms 1000
///     measure_ms 5000
///     local 127.0.0.1 40000
///     local 127.0.0.1 40002
///     local 10.0.0.2 40000 far        # in the network namespace "far"
///     payloads 0 160 pcmu.bin         # type, timestamp step, file: length (u16, big-endian),
///     bytes stream 0 1 127.0.0.1 20000      # from local 0, expected at local 1, sent to this
///     address stream 0 1 127.0.0.1 20000 source 127.0.0.1 20002 payload 0 key 00112233...   # 60
///     digits
///
/// @return nothing, with `problem` set, when a line is wrong or there is nothing to do.
[[nodiscard]] std::optional<LoadPlan> read_plan(std::istream& input, std::string& problem);

}  // namespace trunkyard::bench
