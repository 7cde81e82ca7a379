/* 64-bit products for a core without a high multiply. The ESP8266 keeps these in ROM, so Debian's libgcc lacks them. */
#include <stdint.h>

uint64_t __umulsidi3(uint32_t a, uint32_t b);
uint64_t __muldi3(uint64_t a, uint64_t b);

/* Schoolbook multiplication with 16-bit digits. Each partial product is at most (2^16 - 1)^2, so adding two 16-bit
   values to one never leaves 32 bits. */
static inline uint64_t product(uint32_t a, uint32_t b) {
  const uint32_t a_low = a & 0xFFFFu;
  const uint32_t a_high = a >> 16;
  const uint32_t b_low = b & 0xFFFFu;
  const uint32_t b_high = b >> 16;
  const uint32_t low = a_low * b_low;
  const uint32_t first = a_high * b_low + (low >> 16);
  const uint32_t second = a_low * b_high + (first & 0xFFFFu);
  const uint32_t high = a_high * b_high + (first >> 16) + (second >> 16);
  return ((uint64_t)high << 32) | (uint32_t)((second << 16) | (low & 0xFFFFu));
}

uint64_t __umulsidi3(uint32_t a, uint32_t b) {
  return product(a, b);
}

uint64_t __muldi3(uint64_t a, uint64_t b) {
  const uint32_t a_low = (uint32_t)a;
  const uint32_t b_low = (uint32_t)b;
  const uint32_t crossed = a_low * (uint32_t)(b >> 32) + (uint32_t)(a >> 32) * b_low;
  return product(a_low, b_low) + ((uint64_t)crossed << 32);
}
