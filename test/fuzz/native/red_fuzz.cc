// RED (RFC 2198): any payload through the parser; what parses is written again and must read back
// equal.
#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/native/targets.h"
#include "rtp/redundancy.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::rtp;

bool lies_inside(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

bool equal(const RedundantBlock& left, const RedundantBlock& right) {
  return left.payload_type == right.payload_type &&
         left.timestamp_offset == right.timestamp_offset &&
         std::equal(left.payload.begin(), left.payload.end(), right.payload.begin(),
                    right.payload.end());
}

}  // namespace

int red_fuzz(const std::uint8_t* data, std::size_t size) {
  const Bytes payload{data, size};
  const Result<RedundantPayload> parsed = RedundantPayload::parse(payload);
  if (!parsed.ok()) return 0;
  CHECK(lies_inside(parsed->primary().payload, payload));
  std::size_t bytes = 1 + parsed->primary().payload.size();
  std::array<RedundantBlock, kRedundantBlocksMax> earlier;
  std::uint32_t written_count = 0;
  for (std::uint32_t index = 0; index < parsed->earlier_count(); ++index) {
    const RedundantBlock& block = parsed->earlier(index);
    CHECK(lies_inside(block.payload, payload));
    CHECK(block.timestamp_offset <= kRedundantOffsetMax);
    bytes += 4 + block.payload.size();
    // A block of the present is legal on the wire and of no use; the writer leaves it out.
    if (block.timestamp_offset > 0) earlier[written_count++] = block;
  }
  // Of more blocks than are kept, the oldest have gone with their headers.
  CHECK(bytes <= size);
  if (parsed->earlier_count() < kRedundantBlocksMax) CHECK(bytes == size);

  std::array<std::uint8_t, 8'192> buffer;
  if (size > buffer.size()) return 0;
  const Result<Bytes> written = write_redundant_payload(
      buffer, std::span<const RedundantBlock>(earlier).first(written_count), parsed->primary());
  CHECK(written.ok());
  const Result<RedundantPayload> again = RedundantPayload::parse(*written);
  CHECK(again.ok());
  CHECK(again->earlier_count() == written_count);
  for (std::uint32_t index = 0; index < written_count; ++index) {
    CHECK(equal(again->earlier(index), earlier[index]));
  }
  CHECK(equal(again->primary(), parsed->primary()));
  return 0;
}

}  // namespace fuzz
