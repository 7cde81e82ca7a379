#include "tinygen/features/stages.h"

namespace tinygen::features {

__attribute__((noinline)) void StageClock::mark(std::uint32_t stage) {
  const std::uint32_t now = counter_();
  counts_[stage].ticks += now - last_;
  ++counts_[stage].marks;
  last_ = now;
}

std::uint32_t stage_overhead(StageClock::Counter counter) {
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
