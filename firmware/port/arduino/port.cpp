// Arduino cores: `Serial` with the core's own interrupt or DMA receive behind it. The sketch's setup() and loop() are
// in src/main.cpp.
#if defined(ARDUINO) && !defined(TINYGEN_STANDIN)

#include "tinygen/port.h"

#include <Arduino.h>

#include "board_config.h"
#include "tinygen/ring.h"
#if defined(ARDUINO_ARCH_ESP32)
#include "../esp32/chip.h"
#include "tinygen/undigested.h"
#elif defined(ARDUINO_ARCH_STM32)
#include "../stm32/hal_clocks.h"
#include "../stm32/hosted.h"
#include "../stm32/registers.h"
#include "../stm32/serial.h"
#include "tinygen/polled.h"
#else
#include "tinygen/anonymous.h"
#include "tinygen/undigested.h"
#include "tinygen/unwatched.h"  // cores that say nothing of resets and have no watchdog of their own
#endif

namespace {

#if defined(ARDUINO_ARCH_STM32)
tinygen::port::Clocks clocks = {};
bool ticking = false;

// The pins of the board's file: what `Serial` is differs from variant to variant, and may be USB.
HardwareSerial& line() {
  using namespace tinygen::board;
  static HardwareSerial serial(static_cast<PinName>(kRxPort * 16 + kRxPin),
                               static_cast<PinName>(kTxPort * 16 + kTxPin));
  return serial;
}
#else
decltype(Serial)& line() {
  return Serial;
}
#endif

}  // namespace

extern "C" void tinygen_port_idle();

#if defined(ARDUINO_ARCH_STM32)
// The core's own is weak, and differs from variant to variant; here the clock tree is the board file's. Source:
// stm32duino's wiki, "Custom definitions"; the core's hw_config_init().
extern "C" void SystemClock_Config() {
  ticking = tinygen::port::start_clocks_below_hal(clocks);
}
#endif

// The core gathers received bytes by itself.
extern "C" __attribute__((noinline)) void tinygen_port_idle() {
  yield();
}

namespace tinygen::port {

#if defined(ARDUINO_ARCH_STM32)

const Clocks& running_clocks() {
  return clocks;
}

// Received bytes come by the core's interrupt; sent ones go out by polling, as a fault's report must.
Status init() {
  start_chip();
  line().begin(tinygen::board::kSerialBaud);
  return clocks.as_planned && ticking ? Status::ok : Status::clock_failed;
}

#else

Status init() {
#if defined(ARDUINO_ARCH_ESP32)
  line().setRxBufferSize(TINYGEN_RX_RING_BYTES);  // before begin(); the default holds one frame only
#endif
  line().begin(tinygen::board::kSerialBaud);
#if defined(ARDUINO_ARCH_ESP32)
  start_esp32();
#endif
  return Status::ok;
}

void write(const std::uint8_t* from, std::size_t count) {
#if defined(ARDUINO_ARCH_ESP32)
  if (write_polled(from, count)) {
    return;
  }
#endif
  while (count > 0) {
    const std::size_t sent = line().write(from, count);
    from += sent;
    count -= sent;
  }
}

#endif

std::size_t read(std::uint8_t* into, std::size_t capacity) {
  std::size_t count = 0;
  while (count < capacity && line().available() > 0) {
    const int received = line().read();
    if (received < 0) {
      break;
    }
    into[count] = static_cast<std::uint8_t>(received);
    ++count;
  }
  return count;
}

void idle() {
  tinygen_port_idle();
}

void stay_awake(bool) {}  // idle() does not sleep here

#if defined(ARDUINO_ARCH_STM32)
// counter() is in ../stm32/hosted.cpp
#elif defined(__XTENSA__)

std::uint32_t counter() {
  std::uint32_t cycles;
  __asm__ volatile("rsr %0, ccount" : "=a"(cycles));
  return cycles;
}

CounterKind counter_kind() {
  return CounterKind::ccount;
}

#else

std::uint32_t counter() {
  return 0;
}

CounterKind counter_kind() {
  return CounterKind::none;
}

#endif

#if !defined(ARDUINO_ARCH_STM32)

std::uint32_t stack_bytes() {
  return 0;
}  // the core's task owns the stack

std::uint32_t stack_used_bytes() {
  return 0;
}

#endif

std::uint32_t receive_overruns() {
  return 0;
}  // the core does not tell

#if defined(ARDUINO_ARCH_ESP32) || defined(ARDUINO_ARCH_STM32)

std::uint32_t beats() {
  return static_cast<std::uint32_t>(millis() / 100);
}

#endif

#if defined(ARDUINO_ARCH_ESP32)

void led(bool lit) {
#if defined(LED_BUILTIN)  // of some variants an RGB LED, which the core's digitalWrite knows
  static bool driven = false;
  if (!driven) {
    pinMode(LED_BUILTIN, OUTPUT);
    driven = true;
  }
  digitalWrite(LED_BUILTIN, lit == (tinygen::board::kLedActiveHigh != 0) ? HIGH : LOW);
#else
  (void)lit;
#endif
}

#endif

void reset() {
#if defined(ARDUINO_ARCH_ESP32)
  ESP.restart();
#elif defined(ARDUINO_ARCH_STM32)
  drain_serial();  // the answer to the request for a reset is still on its way
  restart_core();
#endif
  for (;;) {
  }
}

}  // namespace tinygen::port

#endif
