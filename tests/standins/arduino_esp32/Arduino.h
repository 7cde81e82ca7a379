// Espressif's Arduino core 2, as far as firmware/port/arduino uses it.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define HIGH 0x1
#define LOW 0x0
#define OUTPUT 0x03
#define LED_BUILTIN 97  // SOC_GPIO_PIN_COUNT + 48: an RGB LED

extern "C" {
unsigned long millis();
void yield(void);
void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t val);
}

class HardwareSerial {
 public:
  void begin(unsigned long baud, uint32_t config = 0x800001c, int8_t rxPin = -1, int8_t txPin = -1, bool invert = false,
             unsigned long timeout_ms = 20000UL, uint8_t rxfifo_full_thrhd = 112);
  int available(void);
  int read(void);
  size_t read(uint8_t* buffer, size_t size);
  size_t write(uint8_t);
  size_t write(const uint8_t* buffer, size_t size);
  size_t setRxBufferSize(size_t new_size);
};
extern HardwareSerial Serial;

class EspClass {
 public:
  void restart();
};
extern EspClass ESP;
