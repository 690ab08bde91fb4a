// What waits to be told: in order, and the newest when there is too much.
#include "engine/report_queue.h"

#include <deque>

#include "base/prng.h"
#include "native/harness.h"

namespace {

using namespace trunkyard;
using namespace trunkyard::engine;

TEST("gives reports in order, and keeps the newest of too many, as a plain queue would") {
  ReportQueue<int, 5> queue;
  std::deque<int> model;
  Prng prng(11);
  for (int step = 0; step < 10'000; ++step) {
    if (prng.below(5) < 3) {
      queue.add(step);
      model.push_back(step);
      if (model.size() > 5) model.pop_front();
    } else if (!model.empty()) {
      queue.pop_first();
      model.pop_front();
    }
    CHECK_EQ(queue.any(), !model.empty());
    if (!model.empty()) CHECK_EQ(queue.first(), model.front());
  }
}

TEST("asking an empty one is our own fault") {
  ReportQueue<int, 2> queue;
  CHECK_ABORTS((void)queue.first());
  CHECK_ABORTS(queue.pop_first());
}

}  // namespace
