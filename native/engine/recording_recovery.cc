#include "engine/recording_recovery.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>

#include "engine/part_file.h"
#include "io/append_file.h"
#include "io/mapped_file.h"
#include "spool/ogg_reader.h"
#include "spool/segment_reader.h"
#include "spool/wav.h"

namespace trunkyard::engine {

namespace {

constexpr std::string_view kSegmentEnding = ".seg";
using Use = io::MappedFile::Use;

bool recover_segment(io::Folder& folder, const std::string& name) {
  std::array<std::uint8_t, spool::kSealBytes> room;
  Bytes seal;
  std::uint64_t good_bytes = 0;
  {
    const auto file = io::MappedFile::open(folder, name.c_str(), kSegmentBytesMax, Use::kOnce);
    if (!file || spool::ends_like_sealed(file->bytes())) return false;
    const auto report = spool::recover(file->bytes(), {});
    if (!report || report->seal) return false;
    seal = spool::write_recovery_seal(*report, room);
    good_bytes = report->good_bytes;
  }
  auto file = io::AppendFile::reopen(folder, name.c_str());
  return file && file->truncate(good_bytes) && file->append(seal) && file->sync();
}

/// A true header in place of the open one, in a file that begins as ours do. Others' files have
/// that ending too, downloads for one, and are none of our business.
bool finish_wav(io::Folder& folder, const std::string& name) {
  std::array<std::uint8_t, spool::kWavHeaderBytesMax> room;
  Bytes header;
  std::uint64_t bytes = 0;
  {
    const auto file = io::MappedFile::open(folder, name.c_str(),
                                           std::numeric_limits<std::size_t>::max(), Use::kOnce);
    if (!file) return false;
    const auto wav = spool::read_wav(file->bytes());
    if (!wav) return false;
    const Bytes begun = spool::write_wav_header(room, wav->format, wav->data_bytes);
    const Bytes start = file->bytes().first(std::min(begun.size(), file->bytes().size()));
    if (!std::equal(begun.begin(), begun.end(), start.begin(), start.end())) return false;
    header = spool::write_wav_header(room, wav->format, wav->data.size());
    bytes = header.size() + wav->data.size();
  }
  auto file = io::AppendFile::reopen(folder, name.c_str());
  return file && file->truncate(bytes) && file->overwrite_start(header) && file->sync();
}

bool is_ogg(io::Folder& folder, const std::string& name) {
  const auto file = io::MappedFile::open(folder, name.c_str(),
                                         std::numeric_limits<std::size_t>::max(), Use::kOnce);
  std::array<std::uint8_t, kOpusPacketBytesMax> scratch;
  return file && spool::OggOpusReader::open(file->bytes(), scratch).ok();
}

bool recover_part(io::Folder& folder, const std::string& name) {
  const std::string whole = name.substr(0, name.size() - std::string_view(kPartEnding).size());
  // A finished one of that name is worth more than this.
  if (folder.open_to_read(whole.c_str()).ok()) return false;
  if (!finish_wav(folder, name) && !is_ogg(folder, name)) return false;
  return folder.rename(name.c_str(), whole.c_str()).ok();
}

}  // namespace

std::uint32_t recover_recordings(io::Folder& folder) {
  const auto names = folder.list();
  if (!names) return 0;
  std::uint32_t recovered = 0;
  for (const std::string& name : *names) {
    const std::string_view text(name);
    if (text.ends_with(kSegmentEnding) && recover_segment(folder, name)) ++recovered;
    if (text.ends_with(kPartEnding) && recover_part(folder, name)) ++recovered;
  }
  return recovered;
}

}  // namespace trunkyard::engine
