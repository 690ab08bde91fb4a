// Ogg files for tests: made by the writer, or page by page with whatever a test wants in them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "spool/checksum.h"
#include "spool/ogg_writer.h"

namespace test {

/// Packets of 20 ms whose lengths and bytes follow from their number.
inline std::vector<std::uint8_t> ogg_packet(std::uint32_t number, std::size_t bytes) {
  return std::vector<std::uint8_t>(bytes, static_cast<std::uint8_t>(number * 37 + 1));
}

/// A file of packets of the given lengths.
inline std::vector<std::uint8_t> ogg_file(const std::vector<std::size_t>& lengths,
                                          std::uint32_t samples_trimmed = 0) {
  trunkyard::spool::OggOpusWriter writer({.input_rate_hz = 16'000}, 0x1234'5678);
  std::vector<std::uint8_t> into(trunkyard::spool::kOggPageBytesMax);
  std::vector<std::uint8_t> file;
  const auto keep = [&](trunkyard::Bytes bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
  };
  keep(writer.open(into));
  for (std::uint32_t number = 0; number < lengths.size(); ++number)
    keep(writer.append(ogg_packet(number, lengths[number]), 960, into).value());
  keep(writer.finish(samples_trimmed, into));
  return file;
}

struct OggPageFields {
  std::uint8_t flags = 0;
  std::uint64_t granule = 0;
  std::uint32_t serial = 1;
  std::uint32_t number = 0;
};

/// One page with the lengths and the body given, its CRC right.
inline void add_ogg_page(std::vector<std::uint8_t>& file, const OggPageFields& fields,
                         const std::vector<std::uint8_t>& lengths,
                         const std::vector<std::uint8_t>& body) {
  const std::size_t start = file.size();
  const auto little = [&](std::uint64_t value, int bytes) {
    for (int index = 0; index < bytes; ++index)
      file.push_back(static_cast<std::uint8_t>(value >> (8 * index)));
  };
  for (const char letter : std::string_view("OggS"))
    file.push_back(static_cast<std::uint8_t>(letter));
  little(0, 1);
  little(fields.flags, 1);
  little(fields.granule, 8);
  little(fields.serial, 4);
  little(fields.number, 4);
  little(0, 4);
  little(lengths.size(), 1);
  file.insert(file.end(), lengths.begin(), lengths.end());
  file.insert(file.end(), body.begin(), body.end());
  const std::uint32_t crc = trunkyard::spool::ogg_crc(trunkyard::Bytes(file).subspan(start));
  for (int index = 0; index < 4; ++index)
    file[start + 22 + static_cast<std::size_t>(index)] =
        static_cast<std::uint8_t>(crc >> (8 * index));
}

inline std::vector<std::uint8_t> opus_head(std::uint8_t version = 1, std::uint8_t channels = 1,
                                           std::uint8_t mapping = 0) {
  std::vector<std::uint8_t> head{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', version, channels};
  head.insert(head.end(), {0x38, 0x01, 0x80, 0xbb, 0x00, 0x00, 0x00, 0xff, mapping});
  return head;
}
inline std::vector<std::uint8_t> opus_tags(std::size_t extra = 0) {
  std::vector<std::uint8_t> tags{'O', 'p', 'u', 's', 'T', 'a', 'g', 's', 0, 0, 0, 0, 0, 0, 0, 0};
  tags.resize(tags.size() + extra);
  return tags;
}

/// Adds a page that holds one packet of less than 255 bytes.
inline void add_ogg_packet(std::vector<std::uint8_t>& file, const OggPageFields& fields,
                           const std::vector<std::uint8_t>& packet) {
  add_ogg_page(file, fields, {static_cast<std::uint8_t>(packet.size())}, packet);
}

}  // namespace test
