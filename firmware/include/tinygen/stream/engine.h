// Samples wait in a ring; rows, inferences and decisions are made of them as they become whole.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/decision_api.h"
#include "tinygen/features_api.h"
#include "tinygen/learn/normal.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/protocol/crc32.h"
#include "tinygen/stream/decision.h"
#include "tinygen/stream/segment.h"
#include "tinygen/stream_api.h"

namespace tinygen::stream {

// `Config` is generated. An object in zeroed memory is ready for begin(). The model's window of rows is its
// application's input_copy(): nothing of the model is kept here. `Gate` says at which hops the model looks.
template <class Config, class Gate = EveryHop>
class Engine : private Gate {
 public:
  void begin(bool count, bool digests) {
    features::reset();
    model::reset();
    decision_.reset();
    Gate::reset();
    head_ = 0;
    tail_ = 0;
    new_rows_ = 0;
    counts_ = count;
    digests_ = digests;
    statistics_ = {};
    overruns_ = 0;
    saturated_ = 0;
    limit_ = 0;
    std::int8_t* const window = model::input_copy();
    for (std::uint32_t i = 0; i < Config::kWindowRows * Config::kRowValues; ++i) {
      window[i] = Config::kRealZero;
    }
  }

  // The only function an interrupt may call. It alone moves head_, overruns_ and saturated_.
  void offer(const std::int16_t* samples, std::size_t instants) {
    std::uint32_t head = head_;
    if (limit_ != 0 && instants > limit_ - head) {
      instants = limit_ - head;
    }
    for (; instants != 0; --instants) {
      if (head - tail_ == Config::kRingInstants) {
        overruns_ = overruns_ + static_cast<std::uint32_t>(instants);
        break;
      }
      std::int16_t* const place = ring_[head % Config::kRingInstants];
      for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
        const std::int16_t sample = *samples++;
        if (sample == 32767 || sample == -32768) {
          saturated_ = saturated_ + 1;
        }
        place[channel] = sample;
      }
      ++head;
    }
    head_ = head;
  }

  std::uint32_t room() const { return Config::kRingInstants - (head_ - tail_); }

  void miss(std::uint32_t instants) { overruns_ = overruns_ + instants; }

  void take_only(std::uint32_t instants) { limit_ = instants; }

  std::uint32_t offered() const { return head_; }

  std::uint32_t copy_waiting(std::uint32_t position, std::int16_t* into, std::uint32_t instants) {
    const std::uint32_t head = head_;
    if (position - tail_ > head - tail_) {  // given up already, or not there yet
      return 0;
    }
    tail_ = position;
    const std::uint32_t there = head - position;
    const std::uint32_t count = there < instants ? there : instants;
    for (std::uint32_t i = 0; i < count; ++i) {
      for (std::uint32_t channel = 0; channel < Config::kChannels; ++channel) {
        *into++ = ring_[(position + i) % Config::kRingInstants][channel];
      }
    }
    return count;
  }

  void run(OnEvent tell, void* context) {
    for (std::uint32_t waiting = head_ - tail_; waiting != 0; waiting = head_ - tail_) {
      const std::uint32_t place = tail_ % Config::kRingInstants;
      const std::uint32_t whole = Config::kRingInstants - place;
      const std::uint32_t start = ticks();
      std::int8_t* const row =
          model::input_copy() + (Config::kWindowRows - Config::kHopRows + new_rows_) * Config::kRowValues;
      const features::Taken taken = features::take(ring_[place], waiting < whole ? waiting : whole, row);
      statistics_.feature_ticks += ticks() - start;
      tail_ = tail_ + static_cast<std::uint32_t>(taken.instants);
      statistics_.instants += taken.instants;
      if (taken.row) {
        ++statistics_.rows;
        if (digests_) {
          statistics_.row_digest = protocol::crc32(statistics_.row_digest, row, Config::kRowValues);
        }
        Gate::row(row);
        if (++new_rows_ == Config::kHopRows) {
          new_rows_ = 0;
          if (Gate::due()) {
            infer(tell, context);
          }
          advance();
        }
      }
    }
  }

  learn::Normal<Config::kLearnedValues>& normal() { return normal_; }

  Statistics statistics() const {
    Statistics told = statistics_;
    told.events = decision_.events();
    told.overruns = overruns_;
    told.saturated = saturated_;
    return told;
  }

  bool kept(std::uint32_t number, Event& event) const {
    const std::uint32_t events = decision_.events();
    if (number >= events || events - number > kKeptEvents) {
      return false;
    }
    event = kept_[number % kKeptEvents];
    return true;
  }

  bool score(std::uint32_t index, Score& told) const {
    if (index >= Config::kWatchedCount) {
      return false;
    }
    told = {Config::kWatched[index], decision_.sum(index)};
    return true;
  }

 private:
  std::uint32_t ticks() const { return counts_ ? port::counter() : 0; }

  void infer(OnEvent tell, void* context) {
    const std::uint32_t start = ticks();
    std::int8_t* const window = model::input_copy();
    Event event;
    const bool happened = decide(window, event);
    ++statistics_.inferences;
    statistics_.inference_ticks += ticks() - start;
    if (happened) {
      kept_[event.number % kKeptEvents] = event;
      tell(context, event);
    }
  }

  void advance() {
    std::int8_t* const window = model::input_copy();
    for (std::uint32_t i = 0; i < (Config::kWindowRows - Config::kHopRows) * Config::kRowValues; ++i) {
      window[i] = window[i + Config::kHopRows * Config::kRowValues];
    }
  }

  bool decide(const std::int8_t* window, Event& event) {
    if constexpr (Config::kLearnedValues != 0) {
      if (normal_.phase() == kLearning) {
        normal_.add(window);
        return false;
      }
      if (normal_.phase() == kFrozen) {  // the learned distance instead of the model's score
        const std::uint32_t score = normal_.score(window);
        const std::uint32_t limit = normal_.threshold() * Config::kSmoothing;
        return decision_.step(&score, statistics_.instants, event, limit, limit);
      }
    }
    model::load_input();
    port::feed();
    model::infer(nullptr, nullptr);
    std::uint32_t values[Config::kWatchedCount];
    const std::int8_t* const output = model::gathered_output();
    if (digests_) {
      statistics_.output_digest = protocol::crc32(statistics_.output_digest, output, model::kInfo.output_bytes);
    }
    read_values(window, output, values);
    return decision_.step(values, statistics_.instants, event);
  }

  static void read_values(const std::int8_t* input, const std::int8_t* output, std::uint32_t* values) {
    if constexpr (Config::kScores) {
      const std::int32_t score = decision::decide(input, output).score;
      values[0] = static_cast<std::uint32_t>(score < kHighestScore ? score : kHighestScore);
    } else {
      for (std::uint32_t i = 0; i < Config::kWatchedCount; ++i) {
        const std::int16_t label = Config::kWatched[i];
        values[i] = static_cast<std::uint8_t>(output[label]) ^ Config::kSignFlip;
      }
    }
  }

  EventDecision<Config> decision_;
  Statistics statistics_;
  Event kept_[kKeptEvents];
  volatile std::uint32_t head_;  // instants ever put in
  volatile std::uint32_t tail_;  // instants ever taken out
  volatile std::uint32_t overruns_;
  volatile std::uint32_t saturated_;
  std::uint32_t limit_;  // instants after which the source is not listened to any more; 0: none
  std::uint32_t new_rows_;
  bool counts_;
  bool digests_;
  learn::Normal<Config::kLearnedValues> normal_;
  std::int16_t ring_[Config::kRingInstants][Config::kChannels];
};

}  // namespace tinygen::stream
