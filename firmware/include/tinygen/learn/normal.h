// What is normal for this machine, learned on it: exact sums per feature, scored by distance. In integers.
// The NumPy twin is src/tinygen/tasks/learning.py.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features/integers.h"
#include "tinygen/protocol/crc32.h"
#include "tinygen/stream_api.h"

namespace tinygen::learn {

constexpr std::uint32_t kMark = 0x4C524E32;  // "LRN2"
constexpr std::uint32_t kMostRows = 4096;    // so that the sums stay exact in 32 bits and their products in 64
constexpr std::uint32_t kLongestZ = 4095;    // 16 spreads, in 1/256
constexpr std::uint32_t kNormalZ2 = 4 << 8;  // what lies within two spreads does not count
constexpr std::uint32_t kKeptRows = 64;      // healthy rows that set the threshold; not kept over a reset
constexpr std::uint32_t kLeastRows = 8;      // fewer say nothing about how healthy scores spread

// What outlives a reset, and is what outlives a loss of power. The digest covers all before it. Memory that was never
// written has a wrong one. `owner` says what a row is: a digest of front end and input quantisation.
template <std::uint32_t kValues>
struct Slot {
  std::uint32_t mark;
  std::uint32_t number;  // the newer of two whole slots holds
  std::uint32_t phase;
  std::uint32_t values;
  std::uint32_t owner;
  std::uint32_t count;
  std::uint32_t threshold;
  std::int32_t sums[kValues];
  std::uint32_t squares[kValues];
  std::uint32_t digest;
};

// Two slots, written in turn: a reset in the middle of a write leaves the one before. An object in zeroed memory is
// ready for start().
template <std::uint32_t kValues>
class Normal {
 public:
  using State = Slot<kValues>;

  // Takes up what outlived the reset; false where nothing did. Once, before anything else.
  bool start(State* slots, std::uint32_t owner) {
    slots_ = slots;
    owner_ = owner;
    const bool whole0 = whole(slots[0]);
    const bool whole1 = whole(slots[1]);
    torn_ = (!whole0 && slots[0].mark == kMark) || (!whole1 && slots[1].mark == kMark);
    if (whole0 || whole1) {
      const bool second = whole1 && (!whole0 || static_cast<std::int32_t>(slots[1].number - slots[0].number) > 0);
      at_ = second ? 1 : 0;
      prepare();
      return true;
    }
    for (std::uint32_t i = 0; i < 2; ++i) {
      slots_[i] = {};
    }
    at_ = 0;
    return false;
  }

  // After start() found nothing: where a state may be put that was kept elsewhere, and then taken up; false for one
  // that is not whole.
  State* place() { return &slots_[1 - at_]; }
  bool adopt() {
    if (!whole(slots_[1 - at_])) {
      slots_[1 - at_] = {};
      return false;
    }
    at_ = 1 - at_;
    prepare();
    return true;
  }

  std::uint32_t phase() const { return slots_[at_].phase; }
  std::uint32_t threshold() const { return slots_[at_].threshold; }

  void learn() {
    State& next = begin_write();
    next.phase = stream::kLearning;
    end_write(next);
  }

  // False when fewer than two rows were gathered: they have no spread.
  bool freeze(std::uint32_t threshold) {
    if (slots_[at_].count < 2) {
      return false;
    }
    State& next = begin_write();
    next.phase = stream::kFrozen;
    next.threshold = threshold;
    end_write(next);
    prepare();
    return true;
  }

  // The same with the threshold where healthy rows say: each of the kept ones is scored against all others, and the
  // limit is the mean of these scores' roots plus `spreads_q8` / 256 times their spread. False when too few were kept.
  bool freeze_at(std::uint32_t spreads_q8) {
    const State& now = slots_[at_];
    if (kept_count_ < kLeastRows || now.count <= kLeastRows || spreads_q8 > kMostSpreads) {
      return false;
    }
    std::uint64_t roots = 0;
    std::uint64_t squares = 0;
    for (std::uint32_t k = 0; k < kept_count_; ++k) {
      const std::uint32_t root = features::sqrt_rounded(static_cast<std::uint64_t>(score_without(kept_[k])) << 8);
      roots += root;
      squares += static_cast<std::uint64_t>(root) * root;
    }
    const std::uint64_t n = kept_count_;
    const std::uint64_t spread = (features::sqrt_rounded(n * squares - roots * roots) + n / 2) / n;
    const std::uint64_t limit = (roots + n / 2) / n + ((spreads_q8 * spread + 128) >> 8);
    const std::uint64_t threshold = (limit * limit + 128) >> 8;
    constexpr auto most = static_cast<std::uint64_t>(stream::kHighestScore);
    return freeze(static_cast<std::uint32_t>(threshold < most ? threshold : most));
  }

  void forget() {
    State& next = begin_write();
    const std::uint32_t number = next.number;
    next = {};
    next.number = number;
    end_write(next);
    slots_[1 - at_] = {};
    torn_ = false;
    score_ = 0;
    kept_count_ = 0;
  }

  // One healthy row. After kMostRows nothing changes any more.
  void add(const std::int8_t* row) {
    if (slots_[at_].count == kMostRows) {
      return;
    }
    keep(row);
    State& next = begin_write();
    for (std::uint32_t i = 0; i < kValues; ++i) {
      const std::int32_t value = row[i];
      next.sums[i] += value;
      next.squares[i] += static_cast<std::uint32_t>(value * value);
    }
    ++next.count;
    end_write(next);
  }

  // Distance from normal, in 1/256 of squared spreads beyond two.
  std::uint32_t score(const std::int8_t* row) {
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < kValues; ++i) {
      sum += beyond(row[i], {mean_q6_[i], inverse_[i]});
    }
    score_ = capped(sum);
    return score_;
  }

  stream::LearningStatus status() const {
    const State& now = slots_[at_];
    return {now.phase,  torn_, kValues, now.count, now.threshold, score_, static_cast<std::uint32_t>(sizeof(State)),
            now.digest, false, {}};
  }

  const std::uint8_t* bytes() const { return reinterpret_cast<const std::uint8_t*>(&slots_[at_]); }

  // Writes a state piece by piece over the slot that does not hold; the last piece makes it hold, if it is whole.
  // Otherwise what was learned before stays.
  stream::Written write(std::uint32_t offset, const std::uint8_t* from, std::uint32_t count) {
    State& next = slots_[1 - at_];
    if (offset == 0) {
      written_ = 0;
    }
    if (offset != written_ || count > sizeof(State) - offset) {
      return stream::Written::refused;
    }
    auto* const to = reinterpret_cast<std::uint8_t*>(&next) + offset;
    for (std::uint32_t i = 0; i < count; ++i) {
      to[i] = from[i];
    }
    written_ += count;
    if (written_ < sizeof(State)) {
      return stream::Written::part;
    }
    written_ = 0;
    if (!whole(next)) {
      const bool other = next.mark == kMark && next.owner != owner_ && next.digest == digest_of(next);
      next.mark = 0;
      return other ? stream::Written::other : stream::Written::refused;
    }
    next.number = slots_[at_].number + 1;
    end_write(next);
    prepare();
    kept_count_ = 0;
    return stream::Written::whole;
  }

 private:
  static constexpr std::uint32_t kMostSpreads = 64 << 8;

  struct Level {
    std::int32_t mean_q6;
    std::uint32_t inverse;  // of the spread
  };

  static Level level(std::int32_t sum, std::uint32_t squares, std::uint32_t n) {
    const auto lifted = static_cast<std::uint32_t>(sum + 128 * static_cast<std::int32_t>(n));
    const auto square = static_cast<std::uint64_t>(static_cast<std::int64_t>(sum) * sum);
    const std::uint64_t all = static_cast<std::uint64_t>(n) * squares;
    const std::uint64_t spread = all > square ? all - square : 0;  // n^2 times the variance
    const std::uint32_t spread_q6 = (features::sqrt_rounded(spread << 12) + n / 2) / n;
    return {static_cast<std::int32_t>((lifted * 64 + n / 2) / n) - 128 * 64,
            (UINT32_C(1) << 24) / (spread_q6 > 64 ? spread_q6 : 64)};
  }

  static std::uint32_t beyond(std::int32_t value, const Level& normal) {
    const std::int32_t difference = value * 64 - normal.mean_q6;
    const auto distance = static_cast<std::uint32_t>(difference < 0 ? -difference : difference);
    const std::uint32_t z = (distance * normal.inverse) >> 16;
    const std::uint32_t limited = z < kLongestZ ? z : kLongestZ;
    const std::uint32_t z2 = (limited * limited) >> 8;
    return z2 > kNormalZ2 ? z2 - kNormalZ2 : 0;
  }

  static std::uint32_t capped(std::uint32_t sum) {
    constexpr auto most = static_cast<std::uint32_t>(stream::kHighestScore);
    return sum < most ? sum : most;
  }

  // A healthy row's score had it not been learned.
  std::uint32_t score_without(const std::int8_t* row) const {
    const State& now = slots_[at_];
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < kValues; ++i) {
      const std::int32_t x = row[i];
      sum += beyond(x, level(now.sums[i] - x, now.squares[i] - static_cast<std::uint32_t>(x * x), now.count - 1));
    }
    return capped(sum);
  }

  // Rows spread evenly over all that came: when there is no room, every other one goes.
  void keep(const std::int8_t* row) {
    if (kept_count_ == 0) {
      stride_ = 1;
      came_ = 0;
    }
    if (came_++ % stride_ != 0) {
      return;
    }
    if (kept_count_ == kKeptRows) {
      kept_count_ /= 2;
      stride_ *= 2;
      for (std::uint32_t k = 1; k < kept_count_; ++k) {
        copy(kept_[2 * k], kept_[k]);
      }
    }
    copy(row, kept_[kept_count_]);
    ++kept_count_;
  }

  static void copy(const std::int8_t* from, std::int8_t* to) {
    for (std::uint32_t i = 0; i < kValues; ++i) {
      to[i] = from[i];
    }
  }

  static std::uint32_t digest_of(const State& state) {
    return protocol::crc32(0, &state, sizeof(State) - sizeof state.digest);
  }

  bool whole(const State& state) const {
    return state.mark == kMark && state.values == kValues && state.owner == owner_ && state.phase <= stream::kFrozen &&
           state.count <= kMostRows && (state.phase != stream::kFrozen || state.count >= 2) &&
           state.digest == digest_of(state);
  }

  // A copy of what holds, in the other slot, marked as unfinished by its digest.
  State& begin_write() {
    State& next = slots_[1 - at_];
    next = slots_[at_];
    next.digest = ~next.digest;
    next.number = slots_[at_].number + 1;
    return next;
  }

  void end_write(State& next) {
    next.mark = kMark;
    next.values = kValues;
    next.owner = owner_;
    next.digest = digest_of(next);
    at_ = 1 - at_;
  }

  void prepare() {
    const State& now = slots_[at_];
    if (now.phase != stream::kFrozen) {
      return;
    }
    for (std::uint32_t i = 0; i < kValues; ++i) {
      const Level found = level(now.sums[i], now.squares[i], now.count);
      mean_q6_[i] = found.mean_q6;
      inverse_[i] = found.inverse;
    }
  }

  State* slots_;
  std::uint32_t owner_;
  std::uint32_t at_;
  std::uint32_t written_;
  std::uint32_t score_;
  bool torn_;
  std::int32_t mean_q6_[kValues];
  std::uint32_t inverse_[kValues];
  std::uint32_t kept_count_;
  std::uint32_t stride_;
  std::uint32_t came_;
  std::int8_t kept_[kKeptRows][kValues];
};

// Of an image that cannot learn.
template <>
class Normal<0> {};

}  // namespace tinygen::learn
