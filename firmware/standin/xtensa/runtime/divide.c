/* Integer division for a core without a divide instruction: restoring division, started at the first bit that can be
   set. As in C, quotients are rounded toward zero; dividing by zero gives 0 and the dividend as remainder. */
#include <stdint.h>

uint32_t __udivsi3(uint32_t a, uint32_t b);
uint32_t __umodsi3(uint32_t a, uint32_t b);
int32_t __divsi3(int32_t a, int32_t b);
int32_t __modsi3(int32_t a, int32_t b);
uint64_t __udivdi3(uint64_t a, uint64_t b);
uint64_t __umoddi3(uint64_t a, uint64_t b);
int64_t __divdi3(int64_t a, int64_t b);
int64_t __moddi3(int64_t a, int64_t b);

typedef struct {
  uint32_t quotient;
  uint32_t remainder;
} Parts32;

typedef struct {
  uint64_t quotient;
  uint64_t remainder;
} Parts64;

static inline Parts32 divide32(uint32_t a, uint32_t b) {
  Parts32 parts = {0, a};
  if (b == 0 || b > a) return parts;
  for (int shift = __builtin_clz(b) - __builtin_clz(a); shift >= 0; --shift) {
    const uint32_t part = b << shift;
    if (parts.remainder >= part) {
      parts.remainder -= part;
      parts.quotient |= (uint32_t)1 << shift;
    }
  }
  return parts;
}

static int leading_zeros64(uint64_t value) {
  const uint32_t high = (uint32_t)(value >> 32);
  return high != 0 ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)value);
}

static Parts64 divide64(uint64_t a, uint64_t b) {
  Parts64 parts = {0, a};
  if (b == 0 || b > a) return parts;
  if ((a >> 32) == 0) {
    const Parts32 small = divide32((uint32_t)a, (uint32_t)b);
    parts.quotient = small.quotient;
    parts.remainder = small.remainder;
    return parts;
  }
  for (int shift = leading_zeros64(b) - leading_zeros64(a); shift >= 0; --shift) {
    const uint64_t part = b << shift;
    if (parts.remainder >= part) {
      parts.remainder -= part;
      parts.quotient |= (uint64_t)1 << shift;
    }
  }
  return parts;
}

/* Negation in unsigned arithmetic: the most negative number has no positive counterpart. */
static inline uint32_t magnitude32(int32_t value) {
  return value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
}
static inline uint64_t magnitude64(int64_t value) {
  return value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
}

uint32_t __udivsi3(uint32_t a, uint32_t b) {
  return divide32(a, b).quotient;
}
uint32_t __umodsi3(uint32_t a, uint32_t b) {
  return divide32(a, b).remainder;
}

int32_t __divsi3(int32_t a, int32_t b) {
  const uint32_t quotient = divide32(magnitude32(a), magnitude32(b)).quotient;
  return (int32_t)((a < 0) != (b < 0) ? 0u - quotient : quotient);
}

int32_t __modsi3(int32_t a, int32_t b) {
  const uint32_t remainder = divide32(magnitude32(a), magnitude32(b)).remainder;
  return (int32_t)(a < 0 ? 0u - remainder : remainder);
}

uint64_t __udivdi3(uint64_t a, uint64_t b) {
  return divide64(a, b).quotient;
}
uint64_t __umoddi3(uint64_t a, uint64_t b) {
  return divide64(a, b).remainder;
}

int64_t __divdi3(int64_t a, int64_t b) {
  const uint64_t quotient = divide64(magnitude64(a), magnitude64(b)).quotient;
  return (int64_t)((a < 0) != (b < 0) ? 0u - quotient : quotient);
}

int64_t __moddi3(int64_t a, int64_t b) {
  const uint64_t remainder = divide64(magnitude64(a), magnitude64(b)).remainder;
  return (int64_t)(a < 0 ? 0u - remainder : remainder);
}
