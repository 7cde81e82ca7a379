// Answers requests with the model, the features and the decision of this image. Knows frames, not bytes on a wire.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features/stages.h"
#include "tinygen/protocol/frame_decoder.h"
#include "tinygen/protocol/frame_writer.h"
#include "tinygen/protocol/messages.h"

namespace tinygen::protocol {

// For runs nobody observes: model::infer's callback that only feeds the watchdog.
bool feed_after_step(void* context, std::uint16_t step);

class Session {
 public:
  // All zero at first, so that it lies in .bss and needs no constructor; answers go to `sink`.
  void attach(FrameWriter::Sink sink) { writer_.attach(sink); }

  // Once, before the first request: looks whether image and weights are what they were built to be.
  void check_image();

  void request(const FrameDecoder& frame);
  void bad_frame(Error error);
  void log(std::uint8_t level, const char* text);

  // Asks the image's own source for samples, and works off what came from elsewhere than the serial line.
  void poll_stream();

  // Samples must be asked for: no time to sleep.
  bool sensing() const { return recording_ || sensing_; }

 private:
  static constexpr std::size_t kReplayBytes = 96;

  // What a request may rely on after the one before it.
  enum class Result : std::uint8_t { none, stopped, complete };

  void hello();
  void write_input(const std::uint8_t* payload, std::size_t bytes);
  void infer(const std::uint8_t* payload, std::size_t bytes);
  void read_tensor(const std::uint8_t* payload, std::size_t bytes);
  void digests(const std::uint8_t* payload, std::size_t bytes);
  void raw_begin();
  void raw_chunk(const std::uint8_t* payload, std::size_t bytes);
  void raw_end();
  void self_test(const std::uint8_t* payload, std::size_t bytes);
  void memory();
  void reset();
  void profile(const std::uint8_t* payload, std::size_t bytes);
  void profile_layers(std::uint16_t first);
  void profile_stages();
  void profile_arena();
  void profile_least();
  void integrity(const std::uint8_t* payload, std::size_t bytes);
  void span_digest(const std::uint8_t* payload, std::size_t bytes);
  void last_fault();
  void stream_begin(const std::uint8_t* payload, std::size_t bytes);
  void stream_chunk(const std::uint8_t* payload, std::size_t bytes);
  void stream_end();
  void stream_events(const std::uint8_t* payload, std::size_t bytes);
  void stream_scores(const std::uint8_t* payload, std::size_t bytes);
  void sense(const std::uint8_t* payload, std::size_t bytes);
  void samples(const std::uint8_t* payload, std::size_t bytes);
  void stop_sensing();
  void learn(const std::uint8_t* payload, std::size_t bytes);
  void read_learned(const std::uint8_t* payload, std::size_t bytes);
  void write_learned(const std::uint8_t* payload, std::size_t bytes);

  void run_observed(bool digests, std::uint16_t first_digest, bool stop, std::uint16_t stop_after);
  static bool after_step(void* context, std::uint16_t step);
  static bool after_counted_step(void* context, std::uint16_t step);
  void begin_input();
  void prepare_run();
  bool input_ready() const;

  void answer(const void* payload, std::size_t bytes) { answer(payload, bytes, nullptr, 0); }
  void answer(const void* head, std::size_t head_bytes, const void* body, std::size_t body_bytes);
  void nak(Error error, std::uint32_t detail = 0);
  void send(std::uint8_t type, const void* head, std::size_t head_bytes, const void* body, std::size_t body_bytes);
  bool repeated(const FrameDecoder& frame);

  FrameWriter writer_;

  // The request being answered, and its answer when that was short enough to keep.
  std::uint8_t type_ = 0;
  std::uint8_t sequence_ = 0;
  std::uint32_t crc_ = 0;
  std::uint8_t replay_type_ = 0;
  std::size_t replay_bytes_ = 0;
  bool replay_valid_ = false;
  std::uint8_t replay_[kReplayBytes] = {};

  // Model input: bytes there so far, and how far a recording has come.
  std::uint32_t input_bytes_ = 0;
  std::uint32_t instants_ = 0;
  bool raw_active_ = false;
  bool streaming_ = false;
  bool sensing_ = false;      // the stream's samples come from the image's own source
  bool recording_ = false;    // samples wait in the ring until the host has fetched them
  bool state_saved_ = false;  // the model's state before this input has been kept

  // Last inference.
  Result result_ = Result::none;
  std::uint16_t steps_done_ = 0;
  bool digests_valid_ = false;
  std::uint16_t digests_first_ = 0;
  union {
    std::uint32_t digests_[kDigestWindow] = {};  // or PROFILE's count of each step
    features::StageCount stages_[kMaxStages];    // of a recording that is counted
  };

  // During one.
  std::uint16_t next_observed_ = 0;
  std::uint16_t stop_after_ = 0;
  bool stop_ = false;
  bool collect_ = false;
  std::uint32_t last_count_ = 0;

  bool counted_ = false;  // the recording that comes in is counted by stage

  // What the last look at the image found.
  std::uint8_t integrity_ = 0;
  std::uint16_t first_bad_weight_ = 0xFFFF;
  std::uint16_t bad_weights_ = 0;
  std::uint32_t image_crc_ = 0;

  std::uint32_t frames_good_ = 0;
  std::uint32_t frames_bad_ = 0;
};

}  // namespace tinygen::protocol
