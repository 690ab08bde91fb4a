// OggOpusWriter: Opus packets into an Ogg file (RFC 7845). A core that hands out pages to be
// appended to a file. No packet crosses a page, and a page holds half a second at most, so a file
// cut off anywhere plays up to its last whole page.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/limits.h"
#include "base/result.h"
#include "spool/ogg.h"

namespace trunkyard::spool {

/// One file's writer; one thread. Takes memory for a page (64 KB) at construction. Every call that
/// hands out bytes is given a buffer of kOggPageBytesMax (CHECKed).
class OggOpusWriter {
 public:
  /// @param serial the stream's number in the file; any will do, chance is customary.
  OggOpusWriter(const OpusHead& head, std::uint32_t serial);

  /// The file's first bytes: the pages of the head and of the tags, which name the vendor alone.
  /// To be called once, before all else (CHECKed).
  [[nodiscard]] Bytes open(MutableBytes into) noexcept;
  /// Adds a packet. To be called between open() and finish() (CHECKed).
  /// @param samples that it lasts, at 48,000 Hz: 1 to 5,760.
  /// @returns what is to be written now, empty most of the time; kMediaMalformed, and nothing
  ///          added, for a packet that is empty, over kOpusPacketBytesMax, or of no such length.
  [[nodiscard]] Result<Bytes> append(Bytes packet, std::uint32_t samples,
                                     MutableBytes into) noexcept;
  /// The last page, by which a reader knows that the file is whole.
  /// @param samples_trimmed of the last packet, that were only encoded to fill it; more than there
  ///                        are since the last page is all of them.
  [[nodiscard]] Bytes finish(std::uint32_t samples_trimmed, MutableBytes into) noexcept;

  /// As if this one had been given what `other` has: for going back to an earlier place, together
  /// with the file. Allocates nothing.
  /// @param other of the same head and serial (CHECKed).
  void copy_state(const OggOpusWriter& other) noexcept;

  /// Samples added so far, the pre-skip included.
  [[nodiscard]] std::uint64_t samples() const noexcept { return granule_; }
  [[nodiscard]] std::uint32_t serial() const noexcept { return serial_; }

 private:
  enum class State : std::uint8_t { kNew, kOpen, kFinished };

  void add_packet(Bytes packet) noexcept;
  void write_page(ByteWriter& out, std::uint8_t flags, std::uint64_t granule) noexcept;

  OpusHead head_;
  std::uint32_t serial_;
  State state_ = State::kNew;
  std::uint32_t pages_ = 0;
  std::uint64_t granule_ = 0;
  std::uint64_t granule_of_page_ = 0;  // at its start

  // The page that is being filled.
  std::array<std::uint8_t, kOggSegmentsMax> segments_;
  std::size_t segment_count_ = 0;
  std::unique_ptr<std::uint8_t[]> body_;
  std::size_t body_bytes_ = 0;
};

}  // namespace trunkyard::spool
