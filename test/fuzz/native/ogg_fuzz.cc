// Ogg files with Opus: any bytes. Packets lie in the file or in the scratch, no more of them than
// the file could hold, and damages end. Checksums are made right first where the first byte says
// so, since no change would come further than them otherwise.
#include <array>
#include <vector>

#include "base/check.h"
#include "fuzz/native/targets.h"
#include "spool/checksum.h"
#include "spool/ogg_reader.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::spool;

constexpr std::size_t kCrcAt = 22;
constexpr std::size_t kCountAt = 26;

/// Makes the CRC of every page right, one behind the other from the start.
void mend(MutableBytes file) {
  while (file.size() >= kOggHeaderBytes) {
    const std::size_t lengths = file[kCountAt];
    if (lengths > file.size() - kOggHeaderBytes) return;
    std::size_t bytes = kOggHeaderBytes + lengths;
    for (std::size_t index = 0; index < lengths; ++index)
      bytes += file[kOggHeaderBytes + index];
    if (bytes > file.size()) return;
    store_u32(file.data() + kCrcAt, 0);
    store_u32(file.data() + kCrcAt, __builtin_bswap32(ogg_crc(file.first(bytes))));
    file = file.subspan(bytes);
  }
}

bool lies_in(Bytes part, Bytes whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

int ogg_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::uint8_t> file(data + 1, data + size);
  if ((data[0] & 1) != 0) mend(file);
  std::vector<std::uint8_t> scratch(8 + (data[0] >> 1) * std::size_t{8});
  Result<OggOpusReader> reader = OggOpusReader::open(file, scratch);
  if (!reader.ok()) {
    CHECK(reader.error() == ErrorCode::kMediaTruncated ||
          reader.error() == ErrorCode::kMediaMalformed ||
          reader.error() == ErrorCode::kMediaUnsupported);
    return 0;
  }
  CHECK(reader->head().channel_count == 1 || reader->head().channel_count == 2);
  std::size_t bytes = 0;
  for (OggPacket packet; reader->next(packet);) {
    CHECK(!packet.bytes.empty());
    CHECK(lies_in(packet.bytes, file) || lies_in(packet.bytes, scratch));
    bytes += packet.bytes.size();
    CHECK(bytes <= file.size());
  }
  OggPacket none;
  CHECK(!reader->next(none));
  return 0;
}

}  // namespace fuzz
