// stm32duino's Arduino core, as far as firmware/port/arduino uses it.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum : uint32_t { PA_0 = 0x00, NC = 0xFFFFFFFF } PinName;
#define NUM_DIGITAL_PINS 64U

// From the HAL below it.
typedef enum { HAL_OK = 0, HAL_ERROR = 1, HAL_BUSY = 2, HAL_TIMEOUT = 3 } HAL_StatusTypeDef;
#define TICK_INT_PRIORITY 0x00U

extern "C" {
void yield(void);
uint32_t millis(void);
void SystemClock_Config(void);
void SystemCoreClockUpdate(void);
HAL_StatusTypeDef HAL_InitTick(uint32_t TickPriority);
}

class HardwareSerial {
 public:
  HardwareSerial(uint32_t _rx, uint32_t _tx, uint32_t _rts = NUM_DIGITAL_PINS, uint32_t _cts = NUM_DIGITAL_PINS);
  HardwareSerial(PinName _rx, PinName _tx, PinName _rts = NC, PinName _cts = NC);
  void begin(unsigned long baud);
  virtual int available(void);
  virtual int read(void);
  virtual void flush();
  size_t write(const uint8_t* buffer, size_t size);
};
