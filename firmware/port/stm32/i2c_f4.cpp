// I2C master of the STM32F4, polled: 400 kHz from APB1, 16/9 duty not used.
// Source: RM0090 rev 19 section 27.3.3 (master sequences, EV5 to EV8, method 1 of reception), 27.6 (registers); DS8626
// table "I2C characteristics": fast mode rise time 300 ns, low 1.3 us, high 0.6 us.
#include "board_config.h"

#if defined(TINYGEN_CHIP_STM32F4) && defined(TINYGEN_SOURCE_IMU)

#include "clock.h"
#include "pins.h"
#include "registers.h"
#include "tinygen/i2c.h"

namespace tinygen::i2c {
namespace {

using namespace tinygen::board;
using namespace tinygen::port;

constexpr uint32_t kControl1 = kI2cBase + 0x00;
constexpr uint32_t kControl2 = kI2cBase + 0x04;  // clock of the bus in MHz 5:0
constexpr uint32_t kData = kI2cBase + 0x10;
constexpr uint32_t kStatus1 = kI2cBase + 0x14;
constexpr uint32_t kStatus2 = kI2cBase + 0x18;
constexpr uint32_t kClock = kI2cBase + 0x1C;  // CCR 11:0, fast mode 15
constexpr uint32_t kRise = kI2cBase + 0x20;

constexpr uint32_t kEnable = 1U << 0;
constexpr uint32_t kStart = 1U << 8;
constexpr uint32_t kStop = 1U << 9;
constexpr uint32_t kAcknowledge = 1U << 10;
constexpr uint32_t kSoftwareReset = 1U << 15;

constexpr uint32_t kStarted = 1U << 0;
constexpr uint32_t kAddressed = 1U << 1;
constexpr uint32_t kFinished = 1U << 2;  // BTF: a byte in the register, the next one in the shift register
constexpr uint32_t kReceived = 1U << 6;
constexpr uint32_t kRoom = 1U << 7;
constexpr uint32_t kFailed = 1U << 10 | 1U << 9 | 1U << 8;  // no acknowledge, arbitration lost, bus error
constexpr uint32_t kBusy = 1U << 1;                         // of status 2

constexpr uint32_t kLineHz = 400000;
constexpr uint32_t kPolls = 20000;  // 50 us is a byte with its acknowledge; some ms of polls

bool wait(uint32_t flag) {
  for (uint32_t i = 0; i < kPolls; ++i) {
    const uint32_t status = reg(kStatus1);
    if ((status & kFailed) != 0) {
      return false;
    }
    if ((status & flag) != 0) {
      return true;
    }
  }
  return false;
}

// Whatever went wrong: the bus is let go and the flags are cleared, so that the next transfer begins anew.
bool give_up() {
  set_bits(kControl1, kStop);
  reg(kStatus1) = 0;
  return false;
}

bool address(uint8_t device, bool reading) {
  set_bits(kControl1, kStart);
  if (!wait(kStarted)) {
    return false;
  }
  reg(kData) = static_cast<uint32_t>(device) << 1 | (reading ? 1U : 0U);
  return wait(kAddressed);
}

bool point(uint8_t device, uint8_t first) {
  if (!wait_for(kStatus2, kBusy, 0, kPolls) || !address(device, false)) {
    return false;
  }
  read_back(kStatus2);  // status 1, then 2: the address is dealt with
  reg(kData) = first;
  return wait(kRoom);
}

uint8_t take() {
  return static_cast<uint8_t>(reg(kData));
}

}  // namespace

bool start() {
  open_drain(kSclPort, kSclPin, kI2cAlternate);
  open_drain(kSdaPort, kSdaPin, kI2cAlternate);
  constexpr uint32_t kBusEnable = kRccBase + kRccApb1Enable;
  set_bits(kBusEnable, 1U << kI2cEnableBit);
  read_back(kBusEnable);
  reg(kControl1) = kSoftwareReset;
  reg(kControl1) = 0;
  const uint32_t bus_hz = running_clocks().apb1_hz;
  const uint32_t bus_mhz = bus_hz / 1000000;
  reg(kControl2) = bus_mhz;
  reg(kClock) = 1U << 15 | (bus_hz + 3 * kLineHz - 1) / (3 * kLineHz);  // low two, high one part of three
  reg(kRise) = bus_mhz * 300 / 1000 + 1;
  reg(kControl1) = kEnable;
  return wait_for(kStatus2, kBusy, 0, kPolls);
}

bool write(std::uint8_t device, std::uint8_t where, std::uint8_t value) {
  if (!point(device, where)) {
    return give_up();
  }
  reg(kData) = value;
  if (!wait(kFinished)) {
    return give_up();
  }
  set_bits(kControl1, kStop);
  return true;
}

bool read(std::uint8_t device, std::uint8_t first, std::uint8_t* into, std::uint32_t count) {
  set_bits(kControl1, kAcknowledge);
  if (!point(device, first) || !address(device, true)) {
    return give_up();
  }
  if (count == 1) {  // the answer to the last byte is decided before it comes
    reg(kControl1) = reg(kControl1) & ~kAcknowledge;
    read_back(kStatus2);
    set_bits(kControl1, kStop);
    if (!wait(kReceived)) {
      return give_up();
    }
    into[0] = take();
    return true;
  }
  read_back(kStatus2);
  for (; count > 2; --count) {
    if (!wait(kReceived)) {
      return give_up();
    }
    *into++ = take();
  }
  // The answer to the last byte is decided while it comes in, 22 us: no interrupt may take them away.
  disable_interrupts();
  const bool there = wait(kReceived);
  *into++ = take();
  reg(kControl1) = (reg(kControl1) & ~kAcknowledge) | kStop;
  enable_interrupts();
  if (!there || !wait(kReceived)) {
    return give_up();
  }
  *into = take();
  return true;
}

}  // namespace tinygen::i2c

#endif
