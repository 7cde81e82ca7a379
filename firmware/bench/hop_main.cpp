// Streams BENCH_INSTANTS samples that lie in bench_signal through a generated chain (front end, model, decision), in
// steps of BENCH_STEP instants, and says what each step took, what each stage took, and what came out.
#include <cstddef>
#include <cstdint>

#include "bench.h"
#include "tinygen/features_api.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
#include "tinygen/stream_api.h"

extern "C" {
extern const std::int16_t bench_signal[];
[[gnu::noinline]] void bench_nothing() {
  asm volatile("" ::: "memory");
}
}

// The engine's clock is the bench's; no watchdog runs.
namespace tinygen::port {

std::uint32_t counter() {
  return bench_now();
}

void feed() {}

}  // namespace tinygen::port

namespace tf = tinygen::features;
namespace ts = tinygen::stream;

namespace {

constexpr std::uint32_t kStages = 8;
std::int8_t g_rows[BENCH_ROW_BYTES];

template <class Value>
void say(const char* what, const Value& value) {
  bench_say(what);
  bench_say_hex(&value, sizeof value);
  bench_say("\n");
}

void on_event(void*, const ts::Event& event) {
  const std::uint64_t told[] = {event.number, static_cast<std::uint64_t>(event.label), event.score, event.instant};
  say("E ", told);
}

void ignore(void*, const ts::Event&) {}

template <class Step>
void steps(Step&& step) {
  for (std::uint32_t at = 0; at + BENCH_STEP <= BENCH_INSTANTS; at += BENCH_STEP) {
    step(bench_signal + at);
  }
}

void stream(ts::OnEvent tell) {
  steps([tell](const std::int16_t* samples) {
    ts::offer(samples, BENCH_STEP);
    ts::run(tell, nullptr);
  });
}

// What reading the clock twice counts by itself.
std::uint32_t clock_alone() {
  const std::uint32_t before = bench_now();
  bench_nothing();
  return bench_now() - before;
}

}  // namespace

void bench_main() {
  const std::uint32_t alone = clock_alone();

  // What comes out.
  ts::begin(false, true);
  stream(on_event);
  const ts::Statistics told = ts::statistics();
  const std::uint32_t results[] = {told.rows, told.inferences, told.overruns, told.row_digest, told.output_digest};
  say("R ", results);

  // Each step as it runs in a product, and the same with the front end and the model counted apart.
  ts::begin(false, false);
  steps([alone](const std::int16_t* samples) {
    const std::uint32_t before = bench_now();
    ts::offer(samples, BENCH_STEP);
    ts::run(ignore, nullptr);
    say("T ", bench_now() - before - alone);
  });
  ts::begin(true, false);
  stream(ignore);
  const std::uint64_t parts[] = {ts::statistics().feature_ticks, ts::statistics().inference_ticks};
  say("P ", parts);

  // The front end alone, undisturbed, then with a clock between its stages.
  tf::reset();
  std::uint32_t all = 0;
  steps([alone, &all](const std::int16_t* samples) {
    const std::uint32_t before = bench_now();
    tf::push(samples, BENCH_STEP, g_rows);
    all += bench_now() - before - alone;
  });
  say("F ", all);
  tf::reset();
  tf::StageCount counts[kStages] = {};
  steps([&counts](const std::int16_t* samples) { tf::push_counted(samples, BENCH_STEP, g_rows, counts, bench_now); });
  say("S ", counts);
  say("O ", tf::stage_overhead(bench_now));

  const std::uint32_t bytes[] = {tf::kInfo.state_bytes, ts::kInfo.memory_bytes};
  say("M ", bytes);
}
