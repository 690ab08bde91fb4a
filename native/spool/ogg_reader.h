// OggOpusReader: the packets out of an Ogg file with Opus (RFC 7845), each page checked by its CRC.
// Damaged pages cost what is on them, and no file costs more time than a few readings of its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "spool/ogg.h"

namespace trunkyard::spool {

struct OggPacket {
  /// Not empty. In the file, or in the reader's scratch until its next call.
  Bytes bytes;
  /// Samples at 48,000 Hz up to this packet's end, the pre-skip included. Given for the last packet
  /// of each page; on the file's last page it may be less than the packets last, which means that
  /// the rest is to be cut off (RFC 7845 §4.5).
  std::optional<std::uint64_t> granule;
  /// Something before it got lost.
  bool is_after_loss = false;
};

/// One file's reader; one thread. Reads the first Opus stream and passes over others.
class OggOpusReader {
 public:
  /// @param file    whole, from its first byte; must stay.
  /// @param scratch for packets that cross pages, which must stay too. Longer ones are left out,
  ///                counted as a damage. At least 8 bytes (CHECKed), kOpusPacketBytesMax is plenty.
  /// @returns kMediaMalformed when the file isn't Ogg or its heads are wrong, kMediaUnsupported
  ///          when it holds no Opus or Opus of over two channels or another version, and
  ///          kMediaTruncated when it ends before its tags do.
  [[nodiscard]] static Result<OggOpusReader> open(Bytes file, MutableBytes scratch) noexcept;

  [[nodiscard]] const OpusHead& head() const noexcept { return head_; }
  /// The next packet of audio. @returns false after the last one; then `packet` is unchanged.
  [[nodiscard]] bool next(OggPacket& packet) noexcept;

  /// Places where pages were damaged, missing or cut off, and packets that were too long. After
  /// kOggDamagesMax the file is taken to be at its end.
  [[nodiscard]] std::uint32_t damages() const noexcept { return damages_; }
  /// Whether the stream's last page has been met. A file without one was cut off.
  [[nodiscard]] bool is_finished() const noexcept { return finished_; }

 private:
  /// A page whose CRC holds.
  struct Page {
    std::uint8_t flags = 0;
    std::uint64_t granule = 0;
    std::uint32_t serial = 0;
    std::uint32_t number = 0;
    Bytes lengths;
    Bytes body;

    [[nodiscard]] std::size_t bytes() const noexcept {
      return kOggHeaderBytes + lengths.size() + body.size();
    }
  };

  OggOpusReader(Bytes file, MutableBytes scratch) noexcept : file_(file), scratch_(scratch) {}
  [[nodiscard]] ErrorCode read_heads() noexcept;
  [[nodiscard]] bool next_page(Page& page) noexcept;
  [[nodiscard]] std::optional<Page> page_at_offset() const noexcept;
  [[nodiscard]] bool begin_page() noexcept;
  [[nodiscard]] Bytes take_segments(bool& ends) noexcept;
  [[nodiscard]] bool take_packet(OggPacket& packet, bool& fits) noexcept;
  void keep_part(Bytes part) noexcept;

  Bytes file_;
  MutableBytes scratch_;
  std::size_t offset_ = 0;
  OpusHead head_;
  std::uint32_t damages_ = 0;
  bool finished_ = false;
  bool lost_ = false;
  /// At the time of the last good page.
  std::uint32_t damages_before_ = 0;

  // The page that packets are taken from.
  Page page_;
  std::size_t segment_ = 0;
  std::size_t body_offset_ = 0;
  /// How much of a packet that began on an earlier page there is; more than the scratch holds if it
  /// is too long.
  std::size_t part_bytes_ = 0;
};

}  // namespace trunkyard::spool
