// ESP-IDF: its UART or USB-Serial-JTAG driver receives in the background; the application's task reads. What the chip
// knows of itself is in ../esp32/chip.cpp.
// Source: ESP-IDF Programming Guide 5.5, UART, USB Serial/JTAG Controller Console, FreeRTOS (stack high water mark).
#if defined(ESP_PLATFORM) && !defined(ARDUINO) && !defined(TINYGEN_STANDIN)

#include "tinygen/port.h"

#include <driver/gpio.h>
#include <esp_cpu.h>
#include <esp_system.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <sdkconfig.h>

#include "../esp32/chip.h"
#include "board_config.h"
#include "tinygen/ring.h"
#include "tinygen/undigested.h"
#if TINYGEN_SERIAL_USB
#include <driver/usb_serial_jtag.h>
#else
#include <driver/uart.h>
#endif

extern "C" void tinygen_port_idle();

// The application's task sleeps for a tick; the driver gathers received bytes by itself.
extern "C" __attribute__((noinline)) void tinygen_port_idle() {
  vTaskDelay(1);
}

namespace tinygen::port {
namespace {

using namespace tinygen::board;

constexpr TickType_t kPatience = pdMS_TO_TICKS(200);  // a host that has gone takes no bytes; they are dropped then

#if TINYGEN_SERIAL_USB

bool start_line() {
  usb_serial_jtag_driver_config_t config = {};
  config.tx_buffer_size = TINYGEN_RX_RING_BYTES;
  config.rx_buffer_size = TINYGEN_RX_RING_BYTES;
  return usb_serial_jtag_driver_install(&config) == ESP_OK;
}

int take(std::uint8_t* into, std::size_t capacity) {
  return usb_serial_jtag_read_bytes(into, static_cast<std::uint32_t>(capacity), 0);
}

int give(const std::uint8_t* from, std::size_t count) {
  return usb_serial_jtag_write_bytes(from, count, kPatience);
}

void finish() {
  vTaskDelay(kPatience);
}

#else

constexpr uart_port_t kLine = UART_NUM_0;

bool start_line() {
  uart_config_t config = {};
  config.baud_rate = static_cast<int>(kSerialBaud);
  config.data_bits = UART_DATA_8_BITS;
  config.parity = UART_PARITY_DISABLE;
  config.stop_bits = UART_STOP_BITS_1;
  config.flow_ctrl = UART_HW_FLOWCTRL_DISABLE;
  config.source_clk = UART_SCLK_DEFAULT;
  return uart_driver_install(kLine, TINYGEN_RX_RING_BYTES, 0, 0, nullptr, 0) == ESP_OK &&
         uart_param_config(kLine, &config) == ESP_OK &&
         uart_set_pin(kLine, static_cast<int>(kTxPin), static_cast<int>(kRxPin), UART_PIN_NO_CHANGE,
                      UART_PIN_NO_CHANGE) == ESP_OK;
}

int take(std::uint8_t* into, std::size_t capacity) {
  return uart_read_bytes(kLine, into, static_cast<std::uint32_t>(capacity), 0);
}

int give(const std::uint8_t* from, std::size_t count) {
  return uart_write_bytes(kLine, from, count);
}

void finish() {
  (void)uart_wait_tx_done(kLine, kPatience);
}

#endif

}  // namespace

Status init() {
  start_esp32();
  return start_line() ? Status::ok : Status::serial_failed;
}

std::size_t read(std::uint8_t* into, std::size_t capacity) {
  const int taken = take(into, capacity);
  return taken > 0 ? static_cast<std::size_t>(taken) : 0;
}

void write(const std::uint8_t* from, std::size_t count) {
  if (write_polled(from, count)) {
    return;
  }
  while (count > 0) {
    const int sent = give(from, count);
    if (sent <= 0) {
      return;
    }
    from += sent;
    count -= static_cast<std::size_t>(sent);
  }
}

void idle() {
  tinygen_port_idle();
}

void stay_awake(bool) {}  // a tick is a millisecond, and the drivers gather meanwhile

std::uint32_t counter() {
  return static_cast<std::uint32_t>(esp_cpu_get_cycle_count());
}

CounterKind counter_kind() {
  return CounterKind::ccount;
}

// The main task's stack, which the application runs on.
std::uint32_t stack_bytes() {
  return CONFIG_ESP_MAIN_TASK_STACK_SIZE;
}

std::uint32_t stack_used_bytes() {
  const auto never_used = static_cast<std::uint32_t>(uxTaskGetStackHighWaterMark(nullptr)) * sizeof(StackType_t);
  return never_used < stack_bytes() ? static_cast<std::uint32_t>(stack_bytes() - never_used) : 0;
}

std::uint32_t receive_overruns() {
  return 0;
}  // the driver tells by events only

std::uint32_t beats() {
  return static_cast<std::uint32_t>(xTaskGetTickCount() / pdMS_TO_TICKS(100));
}

void led(bool lit) {
  if constexpr (kLedPin < GPIO_NUM_MAX) {
    constexpr auto kPin = static_cast<gpio_num_t>(kLedPin < GPIO_NUM_MAX ? kLedPin : 0);
    static bool driven = false;
    if (!driven) {
      (void)gpio_reset_pin(kPin);
      (void)gpio_set_direction(kPin, GPIO_MODE_OUTPUT);
      driven = true;
    }
    (void)gpio_set_level(kPin, lit == (kLedActiveHigh != 0) ? 1 : 0);
  } else {
    (void)lit;
  }
}

void reset() {
  finish();  // the answer to the request for a reset is still on its way
  esp_restart();
}

}  // namespace tinygen::port

#endif
