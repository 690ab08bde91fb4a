// Builders of RTP and RTCP bytes for tests, written without the code under test.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "base/bytes.h"

namespace test {

using Buffer = std::vector<std::uint8_t>;

inline void append(Buffer& out, std::uint64_t value, int bytes) {
  for (int index = bytes - 1; index >= 0; --index) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * index)));
  }
}

/// An RTP packet, a field at a time: `APacket{}.payload_type(8).sequence(7).bytes()`.
class APacket {
 public:
  APacket& version(int value) { return set(first_, (first_ & 0x3f) | value << 6); }
  APacket& payload_type(int value) { return set(second_, (second_ & 0x80) | value); }
  APacket& marker() { return set(second_, second_ | 0x80); }
  APacket& sequence(std::uint16_t value) { return set(sequence_, value); }
  APacket& timestamp(std::uint32_t value) { return set(timestamp_, value); }
  APacket& ssrc(std::uint32_t value) { return set(ssrc_, value); }
  APacket& csrcs(std::initializer_list<std::uint32_t> values) {
    for (const std::uint32_t value : values)
      append(middle_, value, 4);
    return set(first_, first_ | static_cast<int>(values.size()));
  }
  APacket& extension(std::uint16_t profile, const Buffer& data) {
    return extension_claiming(profile, data, data.size() / 4);
  }
  /// With a length field that may lie.
  APacket& extension_claiming(std::uint16_t profile, const Buffer& data, std::size_t words) {
    append(middle_, profile, 2);
    append(middle_, words, 2);
    middle_.insert(middle_.end(), data.begin(), data.end());
    return set(first_, first_ | 0x10);
  }
  APacket& payload(const Buffer& data) { return set(payload_, data); }
  /// Padding bytes as given, the count last.
  APacket& padding(const Buffer& data) {
    padding_ = data;
    return set(first_, first_ | 0x20);
  }

  [[nodiscard]] Buffer bytes() const {
    Buffer out{static_cast<std::uint8_t>(first_), static_cast<std::uint8_t>(second_)};
    append(out, sequence_, 2);
    append(out, timestamp_, 4);
    append(out, ssrc_, 4);
    for (const Buffer* part : {&middle_, &payload_, &padding_}) {
      out.insert(out.end(), part->begin(), part->end());
    }
    return out;
  }

 private:
  template <typename Field, typename Value>
  APacket& set(Field& field, Value&& value) {
    field = static_cast<Field>(value);
    return *this;
  }

  int first_ = 0x80;
  int second_ = 0;
  std::uint16_t sequence_ = 1;
  std::uint32_t timestamp_ = 160;
  std::uint32_t ssrc_ = 0x11223344;
  Buffer middle_;
  Buffer payload_ = Buffer(4, 0xd5);
  Buffer padding_;
};

/// One RTCP packet around a body of whole words.
inline Buffer an_rtcp_packet(int type, int count, const Buffer& body, bool padded = false) {
  Buffer out{static_cast<std::uint8_t>(0x80 | (padded ? 0x20 : 0) | count),
             static_cast<std::uint8_t>(type)};
  append(out, body.size() / 4, 2);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

inline Buffer words(std::initializer_list<std::uint32_t> values) {
  Buffer out;
  for (const std::uint32_t value : values)
    append(out, value, 4);
  return out;
}

inline Buffer join(std::initializer_list<Buffer> parts) {
  Buffer out;
  for (const Buffer& part : parts)
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace test
