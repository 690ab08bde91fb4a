// Master keys: lengths and comparison.
#include "srtp/master_key.h"

#include "native/harness.h"
#include "native/srtp/build.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::srtp;
using test::a_key;
using test::Buffer;

TEST("a master key has exactly the lengths of its suite") {
  for (const Suite suite : test::kAllSuites) {
    const SuiteShape shape = shape_of(suite);
    for (int more = -1; more <= 1; ++more) {
      for (int more_salt = -1; more_salt <= 1; ++more_salt) {
        const Buffer key(shape.key_bytes + static_cast<std::size_t>(more), 1);
        const Buffer salt(shape.salt_bytes + static_cast<std::size_t>(more_salt), 2);
        CHECK_EQ(MasterKey::from_bytes(suite, key, salt).ok(), more == 0 && more_salt == 0);
      }
    }
  }
}

TEST("an identifier of more bytes than we carry is refused") {
  const Suite suite = Suite::kAesCm128HmacSha1Tag80;
  const MasterKey key = a_key(suite);
  CHECK_TRUE(MasterKey::from_bytes(suite, key.key(), key.salt(), Buffer(4, 1)).ok());
  CHECK_EQ(MasterKey::from_bytes(suite, key.key(), key.salt(), Buffer(5, 1)).code(),
           ErrorCode::kConfigInvalid);
}

TEST("keys are the same when suite, key, salt and identifier are") {
  const Suite suite = Suite::kAesCm128HmacSha1Tag80;
  CHECK_TRUE(a_key(suite).same_as(a_key(suite)));
  CHECK_FALSE(a_key(suite).same_as(a_key(suite, 2)));
  CHECK_FALSE(a_key(suite).same_as(a_key(Suite::kAesCm128HmacSha1Tag32)));
  CHECK_FALSE(a_key(suite, 1, {0}).same_as(a_key(suite)));
  CHECK_FALSE(a_key(suite, 1, {1}).same_as(a_key(suite, 1, {2})));
}

TEST("key and salt alone decide about the keystream") {
  const MasterKey key = a_key(Suite::kAesCm128HmacSha1Tag80);
  CHECK_TRUE(key.same_keystream_as(a_key(Suite::kAesCm128HmacSha1Tag32, 1, {9})));
  CHECK_FALSE(key.same_keystream_as(a_key(Suite::kAesCm128HmacSha1Tag80, 2)));
}

}  // namespace
