// FilePort: where a media thread and the files thread meet: two rings of one writer and one reader
// each, requests one way, answers the other. No packet waits for either.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <semaphore>
#include <span>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/spsc.h"
#include "engine/contract.gen.h"

namespace trunkyard::engine {

class RecordingFeed;

/// As an order carries it: ended by a zero if it is shorter.
using FileName = std::array<char, kFileNameBytesMax + 1>;

/// @returns false for what is no name: empty, hidden (a dot first), with a slash or a control
///          character, or something behind its end. Nothing then leads out of the media folder.
[[nodiscard]] bool read_file_name(std::span<const std::uint8_t> field, FileName& name) noexcept;

struct alignas(8) FileRequest {
  enum class Kind : std::uint32_t { kNewClient, kLoadClip, kUnloadClip, kRecord };
  Kind kind = Kind::kNewClient;
  /// The client's; what an earlier one asked for is given up when a newer one is heard of.
  std::uint32_t epoch = 0;
  std::uint32_t order = 0;
  std::uint32_t clip = 0;
  // With kRecord.
  std::uint32_t endpoint = 0;
  std::uint32_t rate_hz = 0;
  contract::RecordingContainer container = contract::RecordingContainer::kWav;
  contract::RecordingSound sound = contract::RecordingSound::kMixed;
  contract::SoundTarget target = contract::SoundTarget::kEndpoint;  ///< that `endpoint` names
  bool trims = false;
  /// The files thread's from then on.
  RecordingFeed* feed = nullptr;
  FileName name = {};
};

struct alignas(8) FileAnswer {
  enum class Kind : std::uint32_t { kClipLoaded, kClipUnloaded, kRecordingEnded };
  Kind kind = Kind::kClipLoaded;
  contract::Code code = contract::Code::kOk;
  std::uint32_t epoch = 0;
  std::uint32_t order = 0;
  std::uint32_t clip = 0;
  std::uint32_t duration_ms = 0;
  // With kRecordingEnded.
  std::uint32_t endpoint = 0;
  contract::SoundTarget target = contract::SoundTarget::kEndpoint;
  std::uint32_t lost_ms = 0;
  std::uint32_t trimmed_ms = 0;
  contract::RecordingEnd end = contract::RecordingEnd::kStopped;
  std::uint64_t bytes = 0;
};

/// Memory of one ring, where rings may lie.
class RingStore {
 public:
  RingStore(std::uint32_t record_bytes, std::uint32_t capacity);
  [[nodiscard]] RingMemory ring() const noexcept { return ring_; }

 private:
  struct alignas(kCacheLineBytes) Line {
    std::array<std::uint8_t, kCacheLineBytes> bytes;
  };
  std::unique_ptr<Line[]> lines_;
  RingMemory ring_;
};

/// Both rings; made by the files thread, which outlives the media threads.
struct FileRings {
  FileRings();
  RingStore requests;
  RingStore answers;
};

/// A media thread's end. One thread.
class FilePort {
 public:
  /// @param bell rung after each request; outlives the port.
  FilePort(const FileRings& rings, std::counting_semaphore<>& bell) noexcept
      : requests_(rings.requests.ring()), answers_(rings.answers.ring()), bell_(&bell) {}

  /// @returns false when too many wait: the disk is slow.
  [[nodiscard]] bool ask(const FileRequest& request) noexcept;
  /// The oldest answer. @returns false when there is none.
  [[nodiscard]] bool next_answer(FileAnswer& answer) noexcept {
    return answers_.try_pop_record(answer);
  }

 private:
  SpscProducer requests_;
  SpscConsumer answers_;
  std::counting_semaphore<>* bell_;
};

}  // namespace trunkyard::engine
