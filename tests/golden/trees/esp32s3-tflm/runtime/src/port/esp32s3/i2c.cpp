// I2C0 of the ESP32-S3 as a master, polled: 400 kHz from the 40 MHz crystal. A transfer is a list of commands that the
// controller works off by itself. Used with the vendor's core (whose own driver then stays off this controller) and
// without.
// Source: ESP32-S3 Technical Reference Manual, chapters I2C Controller (commands, FIFO, timing parameters), IO MUX and
// GPIO Matrix, System Registers; offsets and bits as in Espressif's headers soc/i2c_reg.h, gpio_reg.h, io_mux_reg.h,
// system_reg.h; the division of a period as in hal/i2c_ll.h.
#include "board_config.h"

#if defined(TINYGEN_CHIP_ESP32S3) && defined(TINYGEN_SOURCE_IMU)

#include "tinygen/i2c.h"

namespace tinygen::i2c {
namespace {

using namespace tinygen::board;

constexpr std::uint32_t kScl = 89;  // signals of the GPIO matrix
constexpr std::uint32_t kSda = 90;
constexpr std::uint32_t kGpio = 0x60004000;
constexpr std::uint32_t kIoMux = 0x60009000;
constexpr std::uint32_t kClockEnable = 0x600C0018;  // SYSTEM_PERIP_CLK_EN0
constexpr std::uint32_t kReset = 0x600C0020;        // SYSTEM_PERIP_RST_EN0

constexpr std::uint32_t kControl = kI2cBase + 0x04;
constexpr std::uint32_t kTimeOut = kI2cBase + 0x0C;
constexpr std::uint32_t kFifo = kI2cBase + 0x18;
constexpr std::uint32_t kData = kI2cBase + 0x1C;
constexpr std::uint32_t kHappened = kI2cBase + 0x20;
constexpr std::uint32_t kClear = kI2cBase + 0x24;
constexpr std::uint32_t kClock = kI2cBase + 0x54;
constexpr std::uint32_t kCommands = kI2cBase + 0x58;

constexpr std::uint32_t kMaster = 1u << 4 | 1u << 0 | 1u << 1 | 1u << 8;  // both lines as open drain; clock on
constexpr std::uint32_t kGo = 1u << 5;
constexpr std::uint32_t kTakeOver = 1u << 11;  // what was written becomes what holds
constexpr std::uint32_t kStateReset = 1u << 10;
constexpr std::uint32_t kDone = 1u << 7;
constexpr std::uint32_t kFailed = 1u << 10 | 1u << 8 | 1u << 5;  // no acknowledge, too long, arbitration lost

constexpr std::uint32_t kRestart = 6u << 11;
constexpr std::uint32_t kSend = 1u << 11 | 1u << 8;  // and look for the acknowledge
constexpr std::uint32_t kTake = 3u << 11;
constexpr std::uint32_t kLast = 1u << 10;  // answered with no acknowledge
constexpr std::uint32_t kStop = 2u << 11;

constexpr std::uint32_t kSourceHz = 40000000;
constexpr std::uint32_t kLineHz = 400000;
constexpr std::uint32_t kHalf = kSourceHz / kLineHz / 2;
constexpr std::uint32_t kWaitHigh = kHalf / 2 - 2;
constexpr std::uint32_t kLongest = 10;  // 2^n periods of the source: 25 us, ten bits of the line
constexpr std::uint32_t kPolls = 100000;

volatile std::uint32_t& reg(std::uint32_t address) {
  return *reinterpret_cast<volatile std::uint32_t*>(address);
}

void line(std::uint32_t pin, std::uint32_t signal) {
  reg(kIoMux + 4 + 4 * pin) = 1u << 12 | 1u << 9 | 1u << 8 | 2u << 10;  // GPIO, input, pull-up, 20 mA
  reg(kGpio + 0x74 + 4 * pin) = 1u << 2;                                // open drain
  reg(kGpio + 0x554 + 4 * pin) = signal;
  reg(kGpio + 0x154 + 4 * signal) = 1u << 7 | pin;
  reg(pin < 32 ? kGpio + 0x24 : kGpio + 0x30) = 1u << (pin % 32);
}

// The commands have been written; true when all were worked off.
bool run() {
  reg(kClear) = 0x3FFFF;
  reg(kControl) = kMaster | kTakeOver;
  reg(kControl) = kMaster | kGo;
  for (std::uint32_t i = 0; i < kPolls; ++i) {
    const std::uint32_t happened = reg(kHappened);
    if ((happened & kFailed) != 0) {
      break;
    }
    if ((happened & kDone) != 0) {
      return true;
    }
  }
  reg(kControl) = kMaster | kStateReset;
  return false;
}

void empty_fifos() {
  reg(kFifo) = 1u << 13 | 1u << 12;
  reg(kFifo) = 0;
}

}  // namespace

bool start() {
  line(kSclPin, kScl);
  line(kSdaPin, kSda);
  reg(kClockEnable) = reg(kClockEnable) | 1u << kI2cEnableBit;
  reg(kReset) = reg(kReset) | 1u << kI2cEnableBit;
  reg(kReset) = reg(kReset) & ~(1u << kI2cEnableBit);
  reg(kClock) = 1u << 21;            // on, from the crystal, not divided
  reg(kI2cBase + 0x00) = kHalf - 1;  // low
  reg(kI2cBase + 0x38) = (kHalf - kWaitHigh) | kWaitHigh << 9;
  reg(kI2cBase + 0x30) = kHalf / 4 - 1;  // data is held, and looked at
  reg(kI2cBase + 0x34) = kHalf / 2 - 1;
  for (std::uint32_t offset = 0x40; offset <= 0x4C; offset += 4) {  // start and stop: hold and set-up
    reg(kI2cBase + offset) = kHalf - 1;
  }
  reg(kI2cBase + 0x50) = 1u << 9 | 1u << 8 | 7u << 4 | 7u;  // glitches of up to 7 periods are none
  reg(kTimeOut) = 1u << 5 | kLongest;
  reg(kControl) = kMaster | kTakeOver;
  return true;
}

bool write(std::uint8_t address, std::uint8_t where, std::uint8_t value) {
  empty_fifos();
  reg(kData) = static_cast<std::uint32_t>(address) << 1;
  reg(kData) = where;
  reg(kData) = value;
  reg(kCommands + 0) = kRestart;
  reg(kCommands + 4) = kSend | 3;
  reg(kCommands + 8) = kStop;
  return run();
}

bool read(std::uint8_t address, std::uint8_t first, std::uint8_t* into, std::uint32_t count) {
  empty_fifos();
  reg(kData) = static_cast<std::uint32_t>(address) << 1;
  reg(kData) = first;
  reg(kData) = static_cast<std::uint32_t>(address) << 1 | 1u;
  std::uint32_t at = kCommands;
  const auto next = [&at](std::uint32_t command) {
    reg(at) = command;
    at += 4;
  };
  next(kRestart);
  next(kSend | 2);
  next(kRestart);
  next(kSend | 1);
  if (count > 1) {
    next(kTake | (count - 1));
  }
  next(kTake | kLast | 1);
  next(kStop);
  if (!run()) {
    return false;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    into[i] = static_cast<std::uint8_t>(reg(kData));
  }
  return true;
}

}  // namespace tinygen::i2c

#endif
