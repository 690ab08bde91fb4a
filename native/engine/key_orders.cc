// The order that carries keys: SRTP on, changed or off.
#include <memory>
#include <optional>
#include <utility>

#include "engine/media_thread.h"
#include "io/clock.h"

namespace trunkyard::engine {

using contract::Code;

namespace {

/// Nothing for "off" and for what is no suite.
std::optional<srtp::Suite> suite_of(std::uint8_t suite) noexcept {
  switch (static_cast<contract::SrtpSuite>(suite)) {
    case contract::SrtpSuite::kOff:
      return std::nullopt;
    case contract::SrtpSuite::kAesCm128Tag80:
      return srtp::Suite::kAesCm128HmacSha1Tag80;
    case contract::SrtpSuite::kAesCm128Tag32:
      return srtp::Suite::kAesCm128HmacSha1Tag32;
    case contract::SrtpSuite::kAeadAes128Gcm:
      return srtp::Suite::kAeadAes128Gcm;
    case contract::SrtpSuite::kAeadAes256Gcm:
      return srtp::Suite::kAeadAes256Gcm;
  }
  return std::nullopt;
}

static_assert(sizeof(contract::SetKeysOrder{}.send_key) ==
              srtp::kMasterKeyBytesMax + srtp::kMasterSaltBytesMax);
static_assert(sizeof(contract::SetKeysOrder{}.send_mki) == kMkiBytesMax);

/// @param secret master key, then salt, of the suite's lengths.
Result<srtp::MasterKey> read_key(srtp::Suite suite, Bytes secret, Bytes mki,
                                 std::uint8_t mki_bytes) noexcept {
  if (mki_bytes > mki.size()) return Error{ErrorCode::kConfigInvalid};
  const srtp::SuiteShape shape = srtp::shape_of(suite);
  return srtp::MasterKey::from_bytes(suite, secret.first(shape.key_bytes),
                                     secret.subspan(shape.key_bytes, shape.salt_bytes),
                                     mki.first(mki_bytes));
}

}  // namespace

Code MediaThread::set_keys(const contract::SetKeysOrder& order) noexcept {
  Leg* leg = legs_.find(Handle{order.endpoint});
  if (leg == nullptr) return Code::kHandleStale;
  if (order.suite == static_cast<std::uint8_t>(contract::SrtpSuite::kOff)) {
    leg->endpoint.set_keys(nullptr);
    return Code::kOk;
  }
  const Code code = take_keys(*leg, order);
  // Refused or not, encryption was asked for: the orders behind this one must not open the clear.
  if (code != Code::kOk && !leg->endpoint.keyed()) leg->endpoint.await_keys();
  return code;
}

Code MediaThread::take_keys(Leg& leg, const contract::SetKeysOrder& order) noexcept {
  const std::optional<srtp::Suite> suite = suite_of(order.suite);
  if (!suite) return Code::kOrderInvalid;
  const Result<srtp::MasterKey> send =
      read_key(*suite, order.send_key, order.send_mki, order.send_mki_bytes);
  const Result<srtp::MasterKey> receive =
      read_key(*suite, order.receive_key, order.receive_mki, order.receive_mki_bytes);
  if (!send || !receive) return Code::kOrderInvalid;

  const pipeline::KeyPair keys{*send, *receive};
  if (leg.keys == nullptr) {
    Result<std::unique_ptr<pipeline::LegKeys>> made = pipeline::LegKeys::create(keys, isa_);
    if (!made) return Code::kMemoryFull;
    leg.keys = std::move(made).value();
  } else if (!leg.keys->change(io::now(), keys).ok()) {
    return Code::kMemoryFull;
  }
  leg.endpoint.set_keys(leg.keys.get());
  return Code::kOk;
}

}  // namespace trunkyard::engine
