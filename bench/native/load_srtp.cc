#include "load_srtp.h"

#include <utility>

#include "base/isa.h"
#include "srtp/context.h"

namespace trunkyard::bench {

namespace {
constexpr srtp::Suite kSuite = srtp::Suite::kAesCm128HmacSha1Tag80;
}

struct LoadSrtp::Context {
  srtp::SendContext send;
};

LoadSrtp::LoadSrtp(std::span<const std::uint8_t> key_and_salt) {
  const srtp::SuiteShape shape = srtp::shape_of(kSuite);
  const srtp::MasterKey key =
      srtp::MasterKey::from_bytes(kSuite, key_and_salt.first(shape.key_bytes),
                                  key_and_salt.subspan(shape.key_bytes, shape.salt_bytes))
          .value();
  context_ = std::make_unique<Context>(
      Context{std::move(srtp::SendContext::create(key, best_isa())).value()});
}

LoadSrtp::~LoadSrtp() = default;

std::size_t LoadSrtp::protect(std::span<std::uint8_t> buffer, std::size_t packet_bytes) {
  return context_->send.protect_rtp(buffer, packet_bytes).bytes;
}

}  // namespace trunkyard::bench
