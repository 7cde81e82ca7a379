/* float32 arithmetic for a core without a floating-point unit: what Debian's libgcc for the ESP8266 leaves to that chip's
   ROM. IEEE 754: rounded to nearest, halves to even, with subnormal numbers; what is no number comes out as a quiet NaN.
   Only the stand-in uses it: the ESP32-S3 has a unit of its own, and the vendor's compiler uses that. */
#include <stdint.h>

float __addsf3(float a, float b);
float __subsf3(float a, float b);
float __mulsf3(float a, float b);
float __floatsisf(int32_t value);
float __floatunsisf(uint32_t value);

#define SIGN UINT32_C(0x80000000)
#define INFINITE UINT32_C(0x7F800000)
#define QUIET_NAN UINT32_C(0x7FC00000)

typedef union {
  float real;
  uint32_t bits;
} Single;

static uint32_t bits_of(float value) {
  const Single one = {.real = value};
  return one.bits;
}

static float real_of(uint32_t bits) {
  const Single one = {.bits = bits};
  return one.real;
}

static int is_nan(uint32_t bits) {
  return (bits & ~SIGN) > INFINITE;
}

/* fraction * 2^(exponent - 23 - 127 - 7): a number with 7 bits below the last place, the lowest of which is sticky. */
static float rounded(uint32_t sign, int32_t exponent, uint32_t fraction) {
  if (fraction == 0) return real_of(sign);
  const int shift = __builtin_clz(fraction) - 1; /* the leading one belongs at bit 30 */
  if (shift < 0) {
    fraction = fraction >> 1 | (fraction & 1U);
  } else {
    fraction <<= shift;
  }
  exponent -= shift;
  if (exponent >= 255) return real_of(sign | INFINITE);
  if (exponent <= 0) {
    const int32_t down = 1 - exponent;
    const uint32_t lost = down < 32 ? fraction & ((UINT32_C(1) << down) - 1U) : fraction;
    fraction = (down < 32 ? fraction >> down : 0U) | (lost != 0 ? 1U : 0U);
    exponent = 0;
  }
  const uint32_t below = fraction & 127U;
  uint32_t bits = fraction >> 7;
  bits += below > 64U || (below == 64U && (bits & 1U) != 0) ? 1U : 0U;
  /* The leading one, or the carry out of the fraction, adds 1 to the exponent. */
  bits += (uint32_t)(exponent > 0 ? exponent - 1 : 0) << 23;
  return real_of(sign | (bits >= INFINITE ? INFINITE : bits));
}

static uint32_t fraction_of(uint32_t bits) {
  return (bits & UINT32_C(0x7FFFFF)) | ((bits & INFINITE) != 0 ? UINT32_C(0x800000) : 0U);
}

static int32_t exponent_of(uint32_t bits) {
  const int32_t exponent = (int32_t)(bits >> 23 & 255U);
  return exponent != 0 ? exponent : 1;
}

float __addsf3(float a, float b) {
  uint32_t large = bits_of(a);
  uint32_t small = bits_of(b);
  if ((large & ~SIGN) < (small & ~SIGN)) {
    const uint32_t swapped = large;
    large = small;
    small = swapped;
  }
  if ((large & ~SIGN) >= INFINITE) {
    if (is_nan(large) || small == (large ^ SIGN)) return real_of(QUIET_NAN);
    return real_of(large);
  }
  const int32_t distance = exponent_of(large) - exponent_of(small);
  const uint32_t more = fraction_of(large) << 7;
  uint32_t less = fraction_of(small) << 7;
  if (distance > 31) {
    less = less != 0 ? 1U : 0U;
  } else if (distance > 0) {
    less = less >> distance | ((less & ((UINT32_C(1) << distance) - 1U)) != 0 ? 1U : 0U);
  }
  const int differ = ((large ^ small) & SIGN) != 0;
  const uint32_t total = differ ? more - less : more + less;
  /* Equal numbers of opposite sign make +0, and -0 only comes of two negative zeros. */
  if (total == 0) return real_of(differ ? 0U : large & SIGN);
  return rounded(large & SIGN, exponent_of(large), total);
}

float __subsf3(float a, float b) {
  return __addsf3(a, real_of(bits_of(b) ^ SIGN));
}

float __mulsf3(float a, float b) {
  const uint32_t x = bits_of(a);
  const uint32_t y = bits_of(b);
  const uint32_t sign = (x ^ y) & SIGN;
  if (is_nan(x) || is_nan(y)) return real_of(QUIET_NAN);
  if ((x & ~SIGN) == INFINITE || (y & ~SIGN) == INFINITE) {
    return real_of((x & ~SIGN) == 0 || (y & ~SIGN) == 0 ? QUIET_NAN : sign | INFINITE);
  }
  uint32_t one = fraction_of(x);
  uint32_t two = fraction_of(y);
  if (one == 0 || two == 0) return real_of(sign);
  /* Leading ones at bit 23, so that the product of subnormal numbers keeps its digits. */
  const int first = __builtin_clz(one) - 8;
  const int second = __builtin_clz(two) - 8;
  one <<= first;
  two <<= second;
  const uint64_t product = (uint64_t)one * two; /* bit 46 or 47 leads */
  const uint32_t fraction = (uint32_t)(product >> 16) | ((product & 0xFFFFU) != 0 ? 1U : 0U);
  return rounded(sign, exponent_of(x) - first + exponent_of(y) - second - 127, fraction);
}

float __floatunsisf(uint32_t value) {
  return rounded(0, 127 + 30, value);
}

float __floatsisf(int32_t value) {
  const uint32_t magnitude = value < 0 ? 0U - (uint32_t)value : (uint32_t)value;
  return rounded(value < 0 ? SIGN : 0U, 127 + 30, magnitude);
}
