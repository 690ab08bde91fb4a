// WAV files: any bytes. What is taken has a format that the engine plays and whole samples within
// the file, and survives being written anew.
#include <array>
#include <vector>

#include "base/check.h"
#include "fuzz/native/targets.h"
#include "spool/wav.h"

namespace fuzz {

using namespace trunkyard;
using namespace trunkyard::spool;

int wav_fuzz(const std::uint8_t* data, std::size_t size) {
  const Bytes file{data, size};
  const Result<WavView> view = read_wav(file);
  if (!view.ok()) {
    CHECK(view.error() == ErrorCode::kMediaTruncated ||
          view.error() == ErrorCode::kMediaMalformed ||
          view.error() == ErrorCode::kMediaUnsupported);
    return 0;
  }
  const MediaFormat& format = view->format;
  CHECK(format.is_valid());
  CHECK(format.kind != PayloadKind::kG722 && format.kind != PayloadKind::kOpus);
  CHECK(view->data.size() % (bits_per_sample(format.kind) / 8 * format.channel_count) == 0);
  if (!view->data.empty()) {
    CHECK(view->data.data() >= data);
    CHECK(view->data.data() + view->data.size() <= data + size);
  }
  std::array<std::uint8_t, kWavHeaderBytesMax> into;
  const Bytes header = write_wav_header(into, format, view->data.size());
  std::vector<std::uint8_t> again(header.begin(), header.end());
  again.insert(again.end(), view->data.begin(), view->data.end());
  if (wav_needs_padding(view->data.size())) again.push_back(0);
  const Result<WavView> second = read_wav(again);
  CHECK(second.ok());
  CHECK(second->format == format);
  CHECK(!second->is_cut);
  CHECK(second->data.size() == view->data.size());
  return 0;
}

}  // namespace fuzz
