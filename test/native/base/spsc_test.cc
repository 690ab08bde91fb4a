// The rings and the statistics slot: order, fullness, loss, wake-ups, damage; with two real threads
// (ThreadSanitizer watches the same tests).
#include "base/spsc.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "native/harness.h"

namespace {

using namespace trunkyard;

struct Record {
  std::uint64_t number;
  std::uint64_t copies[3];
};
Record make_record(std::uint64_t number) {
  return {number, {number, number, number}};
}
bool whole(const Record& record) {
  for (const std::uint64_t copy : record.copies) {
    if (copy != record.number) return false;
  }
  return true;
}

/// Memory as the engine would map it: aligned, zeroed, exactly as long as needed.
class Memory {
 public:
  explicit Memory(std::uint32_t capacity, std::uint32_t record_bytes = sizeof(Record))
      : size_((RingMemory::bytes_needed(record_bytes, capacity) + 63) / 64 * 64),
        bytes_(static_cast<std::uint8_t*>(std::aligned_alloc(64, size_))) {
    std::memset(bytes_, 0, size_);
  }
  ~Memory() { std::free(bytes_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  [[nodiscard]] MutableBytes span() const { return {bytes_, size_}; }

 private:
  std::size_t size_;
  std::uint8_t* bytes_;
};

RingMemory make_ring(const Memory& memory, std::uint32_t capacity) {
  return RingMemory::create(memory.span(), sizeof(Record), capacity).value();
}

TEST("a ring gives records back in order, across many wraps") {
  const Memory memory(4);
  const RingMemory ring = make_ring(memory, 4);
  SpscProducer producer(ring);
  SpscConsumer consumer(ring);
  std::uint64_t expected = 0;
  for (std::uint64_t number = 0; number < 50; number += 3) {
    for (std::uint64_t step = 0; step < 3; ++step) {
      CHECK_TRUE(producer.try_push_record(make_record(number + step)));
    }
    Record record{};
    while (consumer.try_pop_record(record)) {
      CHECK_EQ(record.number, expected++);
      CHECK_TRUE(whole(record));
    }
  }
  CHECK_EQ(expected, 51u);
}

TEST("a full ring takes what fits, and all-or-none takes none") {
  const Memory memory(4);
  const RingMemory ring = make_ring(memory, 4);
  SpscProducer producer(ring);
  SpscConsumer consumer(ring);
  std::array<Record, 6> records{};
  for (std::uint64_t index = 0; index < 6; ++index)
    records[index] = make_record(index);
  const Bytes all{reinterpret_cast<const std::uint8_t*>(records.data()), sizeof records};

  CHECK_FALSE(producer.try_push_all(all));
  CHECK_EQ(consumer.available(), 0u);
  CHECK_EQ(producer.try_push(all), 4u);
  CHECK_EQ(producer.free_count(), 0u);
  CHECK_EQ(producer.try_push(all), 0u);
  Record record{};
  CHECK_TRUE(consumer.try_pop_record(record));
  CHECK_EQ(producer.free_count(), 1u);
  CHECK_TRUE(producer.try_push_all(all.first(sizeof(Record))));
}

TEST("pops no more than fits into the space given") {
  const Memory memory(8);
  const RingMemory ring = make_ring(memory, 8);
  SpscProducer producer(ring);
  SpscConsumer consumer(ring);
  for (std::uint64_t number = 0; number < 5; ++number) {
    (void)producer.try_push_record(make_record(number));
  }
  std::array<std::uint8_t, 2 * sizeof(Record) + 7> into{};
  CHECK_EQ(consumer.try_pop(into), 2u);
  CHECK_EQ(consumer.available(), 3u);
}

TEST("refuses shapes and memory it can't work with") {
  const Memory memory(8);
  const auto refuses = [&](MutableBytes bytes, std::uint32_t record_bytes, std::uint32_t capacity) {
    return RingMemory::create(bytes, record_bytes, capacity).code() == ErrorCode::kConfigInvalid;
  };
  CHECK_TRUE(refuses(memory.span(), 32, 6));   // not a power of two
  CHECK_TRUE(refuses(memory.span(), 32, 1));   // too few
  CHECK_TRUE(refuses(memory.span(), 12, 8));   // not whole words
  CHECK_TRUE(refuses(memory.span(), 0, 8));    // nothing in it
  CHECK_TRUE(refuses(memory.span(), 32, 16));  // longer than the memory
  CHECK_TRUE(refuses(memory.span(), kRingRecordBytesMax + 8, 2));
  CHECK_TRUE(refuses(memory.span().subspan(8), 32, 2));  // not aligned
}

TEST("attaches to a ring with what is in it, and refuses what is none") {
  const Memory memory(4);
  CHECK_EQ(RingMemory::attach(memory.span()).code(), ErrorCode::kRegionInvalid);
  const RingMemory ring = make_ring(memory, 4);
  SpscProducer producer(ring);
  (void)producer.try_push_record(make_record(7));

  CHECK_EQ(RingMemory::attach(memory.span().first(128)).code(), ErrorCode::kRegionInvalid);
  CHECK_EQ(RingMemory::attach(memory.span().first(256 + 32)).code(), ErrorCode::kRegionInvalid);
  const Result<RingMemory> attached = RingMemory::attach(memory.span());
  REQUIRE(attached.ok());
  SpscConsumer consumer(*attached);
  Record record{};
  CHECK_TRUE(consumer.try_pop_record(record));
  CHECK_EQ(record.number, 7u);
}

TEST("a header overwritten with anything never leads outside the memory") {
  // Every 32-bit word of the header in turn gets an extreme value; under AddressSanitizer a step
  // outside would end the run.
  for (std::size_t at = 0; at < 256; at += 4) {
    for (const std::uint32_t value : {0u, 1u, 0x7fff'ffffu, 0x8000'0000u, 0xffff'ffffu}) {
      const Memory memory(4);
      const RingMemory ring = make_ring(memory, 4);
      std::array<std::uint8_t, 8 * sizeof(Record)> into{};
      const auto exercise = [&](const RingMemory& used) {
        SpscProducer producer(used);
        SpscConsumer consumer(used);
        std::memcpy(memory.span().data() + at, &value, sizeof value);
        (void)producer.try_push_record(make_record(1));
        (void)consumer.try_pop(into);
      };
      exercise(ring);
      const Result<RingMemory> again = RingMemory::attach(memory.span());
      if (again.ok()) exercise(*again);
    }
  }
}

TEST("numbers of the other side that can't be are reported as damage and move nothing") {
  const Memory memory(4);
  const RingMemory ring = make_ring(memory, 4);
  SpscProducer producer(ring);
  SpscConsumer consumer(ring);
  const std::uint64_t far = 1'000;
  std::memcpy(memory.span().data() + 64, &far, sizeof far);  // tail
  Record record{};
  CHECK_FALSE(consumer.try_pop_record(record));
  CHECK_TRUE(consumer.damaged());
  std::memcpy(memory.span().data() + 128, &far, sizeof far);  // head, ahead of the tail
  CHECK_EQ(producer.free_count(), 0u);
  CHECK_FALSE(producer.try_push_record(make_record(1)));
  CHECK_TRUE(producer.damaged());
}

TEST(
    "a ring once damaged offers neither room nor records, even when its numbers look right again") {
  const Memory memory(4);
  const RingMemory ring = make_ring(memory, 4);
  SpscProducer producer(ring);
  SpscConsumer consumer(ring);
  CHECK_TRUE(producer.try_push_record(make_record(1)));
  const auto spoil_and_mend = [&](std::size_t at, auto&& look) {
    std::uint64_t right = 0;
    std::memcpy(&right, memory.span().data() + at, sizeof right);
    const std::uint64_t wrong = right + 1'000;
    std::memcpy(memory.span().data() + at, &wrong, sizeof wrong);
    look();
    std::memcpy(memory.span().data() + at, &right, sizeof right);
  };
  spoil_and_mend(128, [&] { CHECK_EQ(producer.free_count(), 0u); });  // head
  CHECK_EQ(producer.free_count(), 0u);
  CHECK_FALSE(producer.try_push_record(make_record(2)));
  spoil_and_mend(64, [&] { CHECK_EQ(consumer.available(), 0u); });  // tail
  CHECK_EQ(consumer.available(), 0u);
  Record record{};
  CHECK_FALSE(consumer.try_pop_record(record));
}

TEST("a writer killed half-way leaves nothing visible, and its successor goes on") {
  // The child writes record bytes straight into the next place and dies before publishing them:
  // what kill -9 in the middle of try_push would leave.
  const std::size_t size = (RingMemory::bytes_needed(sizeof(Record), 4) + 4095) / 4096 * 4096;
  void* shared = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  const MutableBytes bytes{static_cast<std::uint8_t*>(shared), size};
  const RingMemory ring = RingMemory::create(bytes, sizeof(Record), 4).value();
  const pid_t child = fork();
  if (child == 0) {
    SpscProducer producer(ring);
    (void)producer.try_push_record(make_record(1));
    std::memset(bytes.data() + 256 + sizeof(Record), 0xee, sizeof(Record) / 2);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);

  SpscConsumer consumer(ring);
  CHECK_EQ(consumer.available(), 1u);
  SpscProducer successor(RingMemory::attach(bytes).value());
  (void)successor.try_push_record(make_record(2));
  Record record{};
  CHECK_TRUE(consumer.try_pop_record(record));
  CHECK_EQ(record.number, 1u);
  CHECK_TRUE(consumer.try_pop_record(record));
  CHECK_EQ(record.number, 2u);
  CHECK_TRUE(whole(record));
  CHECK_FALSE(consumer.try_pop_record(record));
  (void)munmap(shared, size);
}

TEST("a wake-up is owed exactly once, and only to a consumer that went to sleep") {
  const Memory memory(4);
  const RingMemory ring = make_ring(memory, 4);
  SpscProducer producer(ring);
  SpscConsumer consumer(ring);
  (void)producer.try_push_record(make_record(1));
  CHECK_FALSE(producer.take_wake());  // awake
  CHECK_FALSE(consumer.arm());        // something is there: look again
  CHECK_FALSE(producer.take_wake());
  Record record{};
  (void)consumer.try_pop_record(record);
  CHECK_TRUE(consumer.arm());
  (void)producer.try_push_record(make_record(2));
  CHECK_TRUE(producer.take_wake());
  CHECK_FALSE(producer.take_wake());
  (void)consumer.try_pop_record(record);
  CHECK_TRUE(consumer.arm());
  consumer.disarm();
  (void)producer.try_push_record(make_record(3));
  CHECK_FALSE(producer.take_wake());
}

TEST("between two threads nothing is lost, doubled, torn or left asleep") {
  constexpr std::uint64_t kRecords = 200'000;
  const Memory memory(64);
  const RingMemory ring = make_ring(memory, 64);
  std::atomic<std::uint32_t> bell{0};  // stands in for the eventfd of native/io

  std::thread writer([&] {
    SpscProducer producer(ring);
    for (std::uint64_t number = 0; number < kRecords;) {
      std::array<Record, 5> batch{};
      const std::uint64_t left = kRecords - number;
      const std::size_t count = left < batch.size() ? left : batch.size();
      for (std::size_t index = 0; index < count; ++index) {
        batch[index] = make_record(number + index);
      }
      number += producer.try_push(
          Bytes{reinterpret_cast<const std::uint8_t*>(batch.data()), count * sizeof(Record)});
      if (producer.take_wake()) {
        bell.fetch_add(1);
        bell.notify_one();
      }
    }
  });

  SpscConsumer consumer(ring);
  std::uint64_t expected = 0;
  std::uint64_t wrong = 0;
  while (expected < kRecords) {
    std::array<Record, 16> batch{};
    const std::uint32_t rung = bell.load();
    const std::uint32_t count =
        consumer.try_pop(MutableBytes{reinterpret_cast<std::uint8_t*>(batch.data()), sizeof batch});
    for (std::uint32_t index = 0; index < count; ++index) {
      if (batch[index].number != expected || !whole(batch[index])) ++wrong;
      ++expected;
    }
    // Sleeps until rung: a lost wake-up would hang the test, which the runner's time limit reports.
    if (count == 0 && consumer.arm()) bell.wait(rung);
  }
  writer.join();
  CHECK_EQ(wrong, 0u);
  CHECK_EQ(consumer.available(), 0u);
}

TEST("a statistics slot is read whole while it is being written") {
  std::array<double, 9> slot{};
  std::atomic<bool> done{false};
  std::thread writer([&] {
    std::array<double, 8> values{};
    for (int round = 1; round <= 100'000; ++round) {
      values.fill(round);
      write_stats_slot(slot, values);
    }
    done.store(true);
  });
  std::uint64_t torn = 0;
  double newest = 0;
  for (bool last_look = false; !last_look;) {
    last_look = done.load();
    std::array<double, 8> values{};
    if (!read_stats_slot(slot, values)) continue;
    for (const double value : values) {
      if (value != values[0]) ++torn;
    }
    if (values[0] < newest) ++torn;
    newest = values[0];
  }
  writer.join();
  CHECK_EQ(torn, 0u);
  CHECK_EQ(newest, 100'000.0);
}

TEST("a slot whose writer died half-way reads as busy until the next writer") {
  std::array<double, 3> slot{7.0, 1.0, 2.0};
  std::array<double, 2> values{};
  CHECK_FALSE(read_stats_slot(slot, values));
  write_stats_slot(slot, std::array<double, 2>{3.0, 4.0});
  CHECK_TRUE(read_stats_slot(slot, values));
  CHECK_EQ(values[1], 4.0);
}

TEST("a slot with an impossible sequence number reads as busy and can be written again") {
  for (const double damaged : {-1.0, 1e300, std::numeric_limits<double>::quiet_NaN(), 0.5}) {
    std::array<double, 2> slot{damaged, 1.0};
    std::array<double, 1> values{};
    CHECK_FALSE(read_stats_slot(slot, values));
    write_stats_slot(slot, std::array<double, 1>{2.0});
    CHECK_TRUE(read_stats_slot(slot, values));
  }
}

}  // namespace
