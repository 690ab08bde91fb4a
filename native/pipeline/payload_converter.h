// PayloadConverter: G.711 of one law to the other, payload by payload, for links that change
// nothing else. Packets keep their numbers, timestamps and lengths, so no jitter buffer, no decoder
// and no packet of our own making is needed: the payload is rewritten where it lies.
#pragma once

#include "base/bytes.h"
#include "base/isa.h"
#include "codec/g711.h"

namespace trunkyard::pipeline {

/// Has no state but what to do: one object serves every packet of a direction.
class PayloadConverter {
 public:
  struct Setup {
    codec::Law to = codec::Law::kA;  ///< payloads come in the other one
    Isa isa = Isa::kC;               ///< no more than best_isa()
  };
  explicit PayloadConverter(const Setup& setup) noexcept : g711_(setup.isa), to_(setup.to) {}

  /// Hot path. @param payload of one packet, of any length; rewritten in place.
  void convert(MutableBytes payload) const noexcept { g711_.transcode_to(to_, payload, payload); }

  [[nodiscard]] codec::Law to() const noexcept { return to_; }

 private:
  codec::G711 g711_;
  codec::Law to_;
};

}  // namespace trunkyard::pipeline
