// TapDesk: orders to record on one media thread. Reads them, gives the files thread its half of a
// recording and puts the other, the tap, among those of the leg or conference that is recorded.
#pragma once

#include <cstdint>

#include "engine/contract.gen.h"
#include "engine/file_port.h"
#include "engine/taps.h"

namespace trunkyard::engine {

/// One media thread's.
class TapDesk {
 public:
  /// @param files the thread's; outlives the desk.
  explicit TapDesk(FilePort& files) noexcept : files_(&files) {}

  /// @param taps  of the order's target, which it names by its own words.
  /// @param epoch of the client that orders. @param rate_hz of what comes to the taps.
  /// @returns kOrderInvalid for what no file can hold, and for a conference that isn't mixed;
  ///          kQueueFull when kTapsMax recordings run or the disk is slow.
  [[nodiscard]] contract::Code start(Taps& taps, std::uint32_t epoch, std::uint32_t rate_hz,
                                     const contract::StartRecordingOrder& order) noexcept;
  /// @returns kOrderInvalid; kHandleStale when the recording has ended.
  [[nodiscard]] static contract::Code pause(Taps& taps,
                                            const contract::PauseRecordingOrder& order) noexcept;
  [[nodiscard]] static contract::Code stop(Taps& taps,
                                           const contract::StopRecordingOrder& order) noexcept;

 private:
  FilePort* files_;
};

}  // namespace trunkyard::engine
