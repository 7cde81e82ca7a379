// Espressif ESP32-S3-DevKitC-1 (N8) (ESP32-S3 (WROOM-1-N8)): facts the port needs, from tinygen's board file.
#pragma once
#include <stdint.h>

#define TINYGEN_CHIP_ESP32S3 1
#define TINYGEN_STATE 0
#define TINYGEN_SERIAL_USB 0

namespace tinygen::board {

// Protocol: USB-to-UART port (on-board bridge)
constexpr uint32_t kSerialBaud = 115200;
constexpr uint32_t kSerialBase = 0x60000000;
constexpr uint32_t kRtcControlBase = 0x60008000;
constexpr uint32_t kTxPin = 43;
constexpr uint32_t kRxPin = 44;
constexpr uint32_t kCoreHz = 240000000;

// LED: GPIO48
constexpr uint32_t kLedPin = 255;
constexpr uint32_t kLedActiveHigh = 1;

}  // namespace tinygen::board
