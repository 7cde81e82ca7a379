// A stopwatch between the stages of a front end.
//
// Front ends take a probe and call mark(stage) behind each piece of work. With NoProbe nothing is left of it.
#pragma once
#include <cstdint>

namespace tinygen::features {

struct StageCount {
  std::uint32_t ticks;  // of the port's counter, each mark's own cost included
  std::uint32_t marks;
};

struct NoProbe {
  void mark(std::uint32_t) {}
};

class StageClock {
 public:
  using Counter = std::uint32_t (*)();

  StageClock(StageCount* counts, Counter counter) : counts_(counts), counter_(counter), last_(counter()) {}

  // What passed since the last mark belongs to this stage. Not inlined, so that its own cost is the same everywhere.
  __attribute__((noinline)) void mark(std::uint32_t stage) {
    const std::uint32_t now = counter_();
    counts_[stage].ticks += now - last_;
    ++counts_[stage].marks;
    last_ = now;
  }

 private:
  StageCount* counts_;
  Counter counter_;
  std::uint32_t last_;
};

// What StageClock counts for nothing at all: the least of some tries.
inline std::uint32_t stage_overhead(StageClock::Counter counter) {
  StageCount counts[8] = {};
  StageClock clock(counts, counter);
  for (std::uint32_t stage = 0; stage < 8; ++stage) clock.mark(stage);
  std::uint32_t least = counts[1].ticks;  // the first also has the way from the constructor in it
  for (std::uint32_t stage = 2; stage < 8; ++stage) {
    if (counts[stage].ticks < least) least = counts[stage].ticks;
  }
  return least;
}

}  // namespace tinygen::features
