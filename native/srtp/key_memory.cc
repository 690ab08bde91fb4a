#include "srtp/key_memory.h"

#include <algorithm>

namespace trunkyard::srtp {

void KeyMemory::leave(const MasterKey& key, const SourceTable& sources) {
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.key.same_keystream_as(key);
  });
  if (known != entries_.end()) {
    known->sources = sources;
    std::rotate(known, known + 1, entries_.end());
    return;
  }
  if (entries_.size() == kSrtpKeysRemembered) entries_.erase(entries_.begin());
  entries_.push_back({key, sources});
}

SourceTable KeyMemory::take_up(const MasterKey& key, const SourceTable& streams) const {
  SourceTable sources;
  for (const Entry& entry : entries_) {
    if (!entry.key.same_keystream_as(key)) continue;
    for (const Source& source : entry.sources) {
      // One that the key never met has nothing to be kept of.
      if (source.confirmed()) sources.add(source.ssrc) = source;
    }
  }
  for (const Source& stream : streams) {
    Source* source = sources.find(stream.ssrc);
    if (source == nullptr) {
      if (!sources.has_room()) continue;
      source = &sources.add(stream.ssrc);
    }
    source->rtp_hint = stream.rtp_place();
    source->rtcp_next = std::max(source->rtcp_next, stream.rtcp_next);
  }
  return sources;
}

}  // namespace trunkyard::srtp
