// SampleFifo: decoded samples between the pieces in which packets bring them and the 10 ms in which
// they are asked for. Contiguous at both ends, so that a codec writes straight into it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "codec/pcm.h"

namespace trunkyard::pipeline {

/// One direction of one leg. Takes its memory at construction; one thread.
class SampleFifo {
 public:
  /// @param capacity samples, at least 1 (CHECKed).
  explicit SampleFifo(std::size_t capacity)
      : samples_(std::make_unique<std::int16_t[]>(capacity)), capacity_(capacity) {
    CHECK(capacity > 0);
  }

  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }

  void clear() noexcept { begin_ = end_ = 0; }

  /// Makes room behind the last sample, to be filled by the caller at once.
  /// @param count together with size() at most the capacity (CHECKed).
  [[nodiscard]] codec::MutablePcm append(std::size_t count) noexcept {
    CHECK(count <= capacity_ - size());
    if (count > capacity_ - end_) {
      std::memmove(samples_.get(), samples_.get() + begin_, size() * sizeof(std::int16_t));
      end_ -= begin_;
      begin_ = 0;
    }
    end_ += count;
    return {samples_.get() + end_ - count, count};
  }

  /// Takes the oldest samples out. @param out no more than there are (CHECKed).
  void pop(codec::MutablePcm out) noexcept {
    CHECK(out.size() <= size());
    std::copy_n(samples_.get() + begin_, out.size(), out.begin());
    begin_ += out.size();
    if (begin_ == end_) begin_ = end_ = 0;
  }

 private:
  std::unique_ptr<std::int16_t[]> samples_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace trunkyard::pipeline
