// ByteReader and ByteWriter: the one way in and out of bytes from or for the wire. Big-endian,
// every access length-checked, never throwing, never casting a struct over a buffer. The first
// access that does not fit marks the object as failed; from then on reads yield zero and writes do
// nothing, so a parser reads its fields in a row and asks `ok()` once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace trunkyard {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// Unchecked big-endian access, for callers that have compared lengths already (in-place rewrite).
[[nodiscard]] inline std::uint16_t load_u16(const std::uint8_t* at) noexcept {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap16(value);
}
[[nodiscard]] inline std::uint32_t load_u32(const std::uint8_t* at) noexcept {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}
[[nodiscard]] inline std::uint64_t load_u64(const std::uint8_t* at) noexcept {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
}
inline void store_u16(std::uint8_t* at, std::uint16_t value) noexcept {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store_u32(std::uint8_t* at, std::uint32_t value) noexcept {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store_u64(std::uint8_t* at, std::uint64_t value) noexcept {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the swaps above assume a little-endian host");

/// Reads forward over bytes it does not own.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool ok() const noexcept { return !failed_; }
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - offset_; }

  std::uint8_t u8() noexcept { return advance(1) ? bytes_[offset_ - 1] : std::uint8_t{0}; }
  std::uint16_t u16() noexcept {
    return advance(2) ? load_u16(bytes_.data() + offset_ - 2) : std::uint16_t{0};
  }
  std::uint32_t u24() noexcept {
    if (!advance(3)) return 0;
    const std::uint8_t* at = bytes_.data() + offset_ - 3;
    return std::uint32_t{at[0]} << 16 | std::uint32_t{at[1]} << 8 | at[2];
  }
  std::uint32_t u32() noexcept { return advance(4) ? load_u32(bytes_.data() + offset_ - 4) : 0; }
  std::uint64_t u64() noexcept { return advance(8) ? load_u64(bytes_.data() + offset_ - 8) : 0; }

  /// The next `count` bytes, still owned by whoever owns the buffer; empty on failure.
  Bytes take(std::size_t count) noexcept {
    return advance(count) ? bytes_.subspan(offset_ - count, count) : Bytes{};
  }
  void skip(std::size_t count) noexcept { (void)advance(count); }
  /// Everything not read yet; empty after a failure.
  Bytes rest() noexcept { return take(failed_ ? 0 : remaining()); }

 private:
  bool advance(std::size_t count) noexcept {
    if (failed_ || count > remaining()) [[unlikely]] {
      failed_ = true;
      return false;
    }
    offset_ += count;
    return true;
  }

  Bytes bytes_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

/// Writes forward into a buffer it does not own; never past its end.
class ByteWriter {
 public:
  explicit ByteWriter(MutableBytes buffer) noexcept : buffer_(buffer) {}

  [[nodiscard]] bool ok() const noexcept { return !failed_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return buffer_.size() - size_; }
  /// What has been written so far; empty after a failure, so that half a message is never sent.
  [[nodiscard]] Bytes written() const noexcept {
    return failed_ ? Bytes{} : Bytes{buffer_.data(), size_};
  }

  void u8(std::uint8_t value) noexcept {
    if (advance(1)) buffer_[size_ - 1] = value;
  }
  void u16(std::uint16_t value) noexcept {
    if (advance(2)) store_u16(buffer_.data() + size_ - 2, value);
  }
  void u24(std::uint32_t value) noexcept {
    if (!advance(3)) return;
    std::uint8_t* at = buffer_.data() + size_ - 3;
    at[0] = static_cast<std::uint8_t>(value >> 16);
    at[1] = static_cast<std::uint8_t>(value >> 8);
    at[2] = static_cast<std::uint8_t>(value);
  }
  void u32(std::uint32_t value) noexcept {
    if (advance(4)) store_u32(buffer_.data() + size_ - 4, value);
  }
  void u64(std::uint64_t value) noexcept {
    if (advance(8)) store_u64(buffer_.data() + size_ - 8, value);
  }
  void bytes(Bytes source) noexcept {
    if (advance(source.size()) && !source.empty()) {
      std::memcpy(buffer_.data() + size_ - source.size(), source.data(), source.size());
    }
  }
  void zeros(std::size_t count) noexcept {
    if (advance(count) && count > 0) std::memset(buffer_.data() + size_ - count, 0, count);
  }
  /// Fills in a 16-bit field written earlier as a placeholder (lengths known only at the end).
  void patch_u16(std::size_t offset, std::uint16_t value) noexcept {
    if (failed_ || offset + 2 > size_) {
      failed_ = true;
      return;
    }
    store_u16(buffer_.data() + offset, value);
  }
  /// The same for a single byte (counts).
  void patch_u8(std::size_t offset, std::uint8_t value) noexcept {
    if (failed_ || offset >= size_) {
      failed_ = true;
      return;
    }
    buffer_[offset] = value;
  }

 private:
  bool advance(std::size_t count) noexcept {
    if (failed_ || count > remaining()) [[unlikely]] {
      failed_ = true;
      return false;
    }
    size_ += count;
    return true;
  }

  MutableBytes buffer_;
  std::size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace trunkyard
