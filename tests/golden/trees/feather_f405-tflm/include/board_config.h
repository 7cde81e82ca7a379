// Adafruit Feather STM32F405 Express (STM32F405RGT6): facts the port needs, from tinygen's board file.
#pragma once
#include <stdint.h>

#define TINYGEN_CHIP_STM32F4 1
#define TINYGEN_STATE 0
#define TINYGEN_INTERRUPT_COUNT 82
#define TINYGEN_SERIAL_IRQ 39
#define TINYGEN_BARE_METAL 1

namespace tinygen::board {

// Clock tree: 12 MHz crystal / 6 * 168 / 2 = 168 MHz, APB1 42 MHz, APB2 84 MHz
constexpr uint32_t kInternalHz = 16000000;
constexpr uint32_t kExternalHz = 12000000;
constexpr uint32_t kExternalBypass = 0;
constexpr uint32_t kPllFromInternal = 0;
constexpr uint32_t kPllM = 6;
constexpr uint32_t kPllN = 168;
constexpr uint32_t kPllP = 2;
constexpr uint32_t kPllQ = 7;
constexpr uint32_t kPllR = 0;
constexpr uint32_t kFlashWaitStates = 5;
constexpr uint32_t kVoltageScale = 1;
constexpr uint32_t kOverDrive = 0;
constexpr uint32_t kAhbDivider = 1;
constexpr uint32_t kApb1Divider = 4;
constexpr uint32_t kApb2Divider = 2;
constexpr uint32_t kCoreHz = 168000000;

// Protocol: USART3, header pins TX (PB10) and RX (PB11), 3.3 V; needs a USB-serial adapter
constexpr uint32_t kSerialBase = 0x40004800;
constexpr uint32_t kSerialBus = 1;
constexpr uint32_t kSerialEnableBit = 18;
constexpr uint32_t kSerialBaud = 115200;
constexpr uint32_t kSerialAlternate = 7;
constexpr uint32_t kTxPort = 1;
constexpr uint32_t kTxPin = 10;
constexpr uint32_t kRxPort = 1;
constexpr uint32_t kRxPin = 11;

constexpr uint32_t kRccBase = 0x40023800;
constexpr uint32_t kFlashBase = 0x40023C00;
constexpr uint32_t kPowerBase = 0x40007000;
constexpr uint32_t kGpioBase = 0x40020000;
constexpr uint32_t kWatchdogBase = 0x40003000;
constexpr uint32_t kUniqueIdBase = 0x1FFF7A10;

// Offsets of RCC's enable registers
constexpr uint32_t kRccGpioEnable = 0x30;
constexpr uint32_t kRccApb1Enable = 0x40;
constexpr uint32_t kRccApb2Enable = 0x44;

// LED: PC1
constexpr uint32_t kLedPort = 2;
constexpr uint32_t kLedPin = 1;
constexpr uint32_t kLedActiveHigh = 1;

}  // namespace tinygen::board
