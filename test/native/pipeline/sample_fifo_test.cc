// The samples between two lengths of pieces, compared with a plain queue.
#include "pipeline/sample_fifo.h"

#include <deque>
#include <vector>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::pipeline;

TEST("gives samples back in order, whatever the pieces") {
  SampleFifo fifo(700);
  std::deque<std::int16_t> model;
  Prng prng(3);
  std::int16_t next = 0;
  for (int step = 0; step < 5'000; ++step) {
    const std::size_t count = prng.below(400);
    if (fifo.size() + count <= 700) {
      for (std::int16_t& sample : fifo.append(count)) {
        sample = next;
        model.push_back(next++);
      }
    }
    std::vector<std::int16_t> out(std::min<std::size_t>(prng.below(300), fifo.size()));
    fifo.pop(out);
    if (step % 500 == 499) {
      fifo.clear();
      model.clear();
      out.clear();
    }
    for (const std::int16_t sample : out) {
      CHECK_EQ(sample, model.front());
      model.pop_front();
    }
    CHECK_EQ(fifo.size(), model.size());
  }
}

TEST("more than there is room for, or than there is, is our own fault") {
  SampleFifo fifo(10);
  CHECK_ABORTS((void)fifo.append(11));
  std::vector<std::int16_t> out(1);
  CHECK_ABORTS(fifo.pop(out));
}

}  // namespace
