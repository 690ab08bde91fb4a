// Port ranges: pairs, shares of threads, and the rest between two calls.
#include "io/port_pool.h"

#include <set>
#include <vector>

#include "native/harness.h"

using namespace trunkyard;
using io::PortPool;

namespace {

Instant at_ms(std::int64_t ms) {
  return Instant::from_ns(ms * 1'000'000);
}
constexpr Duration kRest = Duration::seconds(2);

}  // namespace

TEST("a port range holds its whole even/odd pairs and no half one") {
  CHECK_EQ(io::port_pairs({20000, 20003}), 2u);
  CHECK_EQ(io::port_pairs({20001, 20004}), 1u);
  CHECK_EQ(io::port_pairs({20001, 20002}), 0u);
  CHECK_EQ(io::port_pairs({65534, 65535}), 1u);
  CHECK_EQ(io::port_pairs({0, 10}), 0u);
  CHECK_EQ(io::port_pairs({9, 8}), 0u);
}

TEST("threads share a port range without a pair in common and without one left over") {
  std::set<std::uint16_t> seen;
  for (std::uint32_t index = 0; index < 3; ++index) {
    Prng prng(index);
    PortPool pool({20001, 20060}, {index, 3}, kRest, prng);
    while (const auto port = pool.take(at_ms(0))) {
      CHECK_EQ(*port % 2, 0);
      CHECK_TRUE(*port >= 20002 && *port <= 20058);
      CHECK_TRUE(seen.insert(*port).second);
    }
  }
  CHECK_EQ(seen.size(), 29u);
}

TEST("a port that was closed rests before it goes out again") {
  Prng prng(1);
  PortPool pool({20000, 20001}, {0, 1}, kRest, prng);
  REQUIRE(pool.take(at_ms(0)) == 20000);
  CHECK_EQ(pool.pairs_in_use(), 1u);
  CHECK_FALSE(pool.take(at_ms(1)).has_value());
  pool.give_back(20000, at_ms(10));
  CHECK_EQ(pool.pairs_resting(at_ms(2009)), 1u);
  CHECK_FALSE(pool.take(at_ms(2009)).has_value());
  CHECK_EQ(pool.pairs_resting(at_ms(2010)), 0u);
  CHECK_TRUE(pool.take(at_ms(2010)) == 20000);
}

TEST("the port that has rested longest goes out first") {
  Prng prng(1);
  PortPool pool({20000, 20007}, {0, 1}, kRest, prng);
  std::vector<std::uint16_t> taken;
  while (const auto port = pool.take(at_ms(0)))
    taken.push_back(*port);
  REQUIRE(taken.size() == 4);
  for (const std::size_t index : {2u, 0u, 3u, 1u})
    pool.give_back(taken[index], at_ms(5));
  for (const std::size_t index : {2u, 0u, 3u, 1u}) {
    CHECK_TRUE(pool.take(at_ms(9000)) == taken[index]);
  }
}

TEST("the first order of ports depends on the seed") {
  Prng one(1);
  Prng other(2);
  PortPool first({20000, 20999}, {0, 1}, kRest, one);
  PortPool second({20000, 20999}, {0, 1}, kRest, other);
  bool differs = false;
  for (int pair = 0; pair < 10; ++pair)
    differs |= first.take(at_ms(0)) != second.take(at_ms(0));
  CHECK_TRUE(differs);
}
