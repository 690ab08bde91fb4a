// Clips: any bytes, their checksum made right where the first byte says so. What is opened can be
// played to the end without a look outside, and holds nothing twice.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "fuzz/native/targets.h"
#include "spool/checksum.h"
#include "spool/clip.h"

namespace fuzz {
namespace {

using namespace trunkyard;
using namespace trunkyard::spool;

/// Makes the CRC over header, table and indices right, wherever the table says that those end.
void mend(MutableBytes file) {
  if (file.size() < kClipHeaderBytes) return;
  const std::uint32_t tracks = file[6];
  std::size_t end = kClipHeaderBytes + kClipTrackBytes * tracks;
  for (std::uint32_t track = 0; track < tracks; ++track) {
    const std::size_t at = kClipHeaderBytes + kClipTrackBytes * track;
    if (at < file.size() && file[at] == static_cast<std::uint8_t>(PayloadKind::kOpus))
      end += std::size_t{4} * (std::size_t{load_u32(file.data() + 8)} + 1);
  }
  end = std::min(end, file.size());
  const Bytes covered =
      file.subspan(kClipHeaderBytes, std::max(end, kClipHeaderBytes) - kClipHeaderBytes);
  store_u32(file.data() + 60, crc32c(covered, crc32c(file.first(60))));
}

}  // namespace

int clip_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::uint8_t> file(data + 1, data + size);
  if ((data[0] & 1) != 0) mend(file);
  const Result<ClipView> clip = ClipView::open(file);
  if (!clip.ok()) {
    CHECK(clip.error() == ErrorCode::kMediaTruncated ||
          clip.error() == ErrorCode::kMediaMalformed ||
          clip.error() == ErrorCode::kMediaUnsupported);
    return 0;
  }
  (void)clip->is_intact();
  CHECK(clip->track_count() <= kClipTracksMax);
  std::size_t bytes = 0;
  for (std::uint32_t track = 0; track < clip->track_count(); ++track) {
    CHECK(clip->find(clip->encoding(track)) == track);
    for (std::uint32_t index = 0; index < clip->facts().frame_count; ++index) {
      const Bytes frame = clip->frame(track, index);
      bytes += frame.size();
      CHECK(frame.empty() || (frame.data() >= file.data() &&
                              frame.data() + frame.size() <= file.data() + file.size()));
    }
  }
  CHECK(bytes < file.size());
  return 0;
}

}  // namespace fuzz
