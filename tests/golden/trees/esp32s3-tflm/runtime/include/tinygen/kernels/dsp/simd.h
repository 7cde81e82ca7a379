// The DSP extension's instructions on pairs of 16-bit values (Cortex-M4, M7, M33), and the same arithmetic in portable
// C++ everywhere else: the kernels above run on a developer's machine under sanitizers with identical results.
//
// A word holds two int16 lanes, the first in the low half; the target is little-endian.
// Source: Arm v7-M Architecture Reference Manual, A7.7.
#pragma once
#include <cstdint>

#if defined(__ARM_FEATURE_DSP) && !defined(TINYGEN_PORTABLE_DSP)
#define TINYGEN_DSP 1
#else
#define TINYGEN_DSP 0
#endif

namespace tinygen::kernels::dsp {

// A word in memory that is written and read as other types too.
typedef std::uint32_t Word __attribute__((may_alias));

// Four bytes from any address (UNALIGN_TRP is off after reset and stays off).
inline std::uint32_t load_word(const void* from) {
  std::uint32_t word;
  __builtin_memcpy(&word, from, 4);
  return word;
}

inline void store_word(void* to, std::uint32_t word) {
  __builtin_memcpy(to, &word, 4);
}

namespace portable {

constexpr std::int32_t low(std::uint32_t word) {
  return static_cast<std::int16_t>(word & 0xFFFFU);
}
constexpr std::int32_t high(std::uint32_t word) {
  return static_cast<std::int16_t>(word >> 16);
}
constexpr std::uint32_t lanes(std::int32_t first, std::int32_t second) {
  return (static_cast<std::uint32_t>(first) & 0xFFFFU) | (static_cast<std::uint32_t>(second) << 16);
}
constexpr std::int32_t byte(std::uint32_t word, int index) {
  return static_cast<std::int8_t>((word >> (8 * index)) & 0xFFU);
}
constexpr std::int32_t wrapped(std::uint32_t value) {
  return static_cast<std::int32_t>(value);
}

}  // namespace portable

// Two values as lanes.
constexpr std::uint32_t lanes(std::int32_t first, std::int32_t second) {
  return portable::lanes(first, second);
}

// Bytes 0 and 2, sign-extended to lanes.
inline std::uint32_t sxtb16(std::uint32_t word) {
#if TINYGEN_DSP
  std::uint32_t result;
  __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(word));
  return result;
#else
  return portable::lanes(portable::byte(word, 0), portable::byte(word, 2));
#endif
}

// Bytes 1 and 3, sign-extended to lanes.
inline std::uint32_t sxtb16_ror8(std::uint32_t word) {
#if TINYGEN_DSP
  std::uint32_t result;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
  return result;
#else
  return portable::lanes(portable::byte(word, 1), portable::byte(word, 3));
#endif
}

// acc + a.low * b.low + a.high * b.high, modulo 2^32.
inline std::int32_t smlad(std::uint32_t a, std::uint32_t b, std::int32_t acc) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
  return result;
#else
  // Both products are at least -2^30 + 2^15 and at most 2^30; their sum fits int64.
  const std::int64_t sum =
      std::int64_t{portable::low(a)} * portable::low(b) + std::int64_t{portable::high(a)} * portable::high(b) + acc;
  return portable::wrapped(static_cast<std::uint32_t>(sum));
#endif
}

// a.low * b.low + a.high * b.high, modulo 2^32.
inline std::int32_t smuad(std::uint32_t a, std::uint32_t b) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("smuad %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
#else
  return smlad(a, b, 0);
#endif
}

// acc + a.low * b.low, modulo 2^32.
inline std::int32_t smlabb(std::uint32_t a, std::uint32_t b, std::int32_t acc) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
  return result;
#else
  return portable::wrapped(static_cast<std::uint32_t>(portable::low(a) * portable::low(b)) +
                           static_cast<std::uint32_t>(acc));
#endif
}

// acc + a.low * b.high, modulo 2^32.
inline std::int32_t smlabt(std::uint32_t a, std::uint32_t b, std::int32_t acc) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("smlabt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
  return result;
#else
  return portable::wrapped(static_cast<std::uint32_t>(portable::low(a) * portable::high(b)) +
                           static_cast<std::uint32_t>(acc));
#endif
}

// acc + a.high * b.low, modulo 2^32.
inline std::int32_t smlatb(std::uint32_t a, std::uint32_t b, std::int32_t acc) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("smlatb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
  return result;
#else
  return portable::wrapped(static_cast<std::uint32_t>(portable::high(a) * portable::low(b)) +
                           static_cast<std::uint32_t>(acc));
#endif
}

// acc + a.high * b.high, modulo 2^32.
inline std::int32_t smlatt(std::uint32_t a, std::uint32_t b, std::int32_t acc) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
  return result;
#else
  return portable::wrapped(static_cast<std::uint32_t>(portable::high(a) * portable::high(b)) +
                           static_cast<std::uint32_t>(acc));
#endif
}

// round(a * b / 2^32), halves upward.
inline std::int32_t smmulr(std::int32_t a, std::int32_t b) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
#else
  const std::int64_t product = std::int64_t{a} * b;
  return static_cast<std::int32_t>((product + (std::int64_t{1} << 31)) >> 32);
#endif
}

// acc + round(a * b / 2^32), halves upward, modulo 2^32.
inline std::int32_t smmlar(std::int32_t a, std::int32_t b, std::int32_t acc) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
  return result;
#else
  return portable::wrapped(static_cast<std::uint32_t>(smmulr(a, b)) + static_cast<std::uint32_t>(acc));
#endif
}

// Lane by lane, modulo 2^16.
inline std::uint32_t sadd16(std::uint32_t a, std::uint32_t b) {
#if TINYGEN_DSP
  std::uint32_t result;
  __asm__("sadd16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
#else
  return portable::lanes(portable::low(a) + portable::low(b), portable::high(a) + portable::high(b));
#endif
}

// Lane by lane, a plus bytes 0 and 2 of `word`, sign-extended, modulo 2^16.
inline std::uint32_t sxtab16(std::uint32_t a, std::uint32_t word) {
#if TINYGEN_DSP
  std::uint32_t result;
  __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(word));
  return result;
#else
  return sadd16(a, sxtb16(word));
#endif
}

// The same with bytes 1 and 3.
inline std::uint32_t sxtab16_ror8(std::uint32_t a, std::uint32_t word) {
#if TINYGEN_DSP
  std::uint32_t result;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(a), "r"(word));
  return result;
#else
  return sadd16(a, sxtb16_ror8(word));
#endif
}

// Byte by byte, the larger int8.
inline std::uint32_t max8(std::uint32_t a, std::uint32_t b) {
#if TINYGEN_DSP
  std::uint32_t result;
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
#else
  std::uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const std::int32_t larger =
        portable::byte(a, i) > portable::byte(b, i) ? portable::byte(a, i) : portable::byte(b, i);
    result |= (static_cast<std::uint32_t>(larger) & 0xFFU) << (8 * i);
  }
  return result;
#endif
}

// The nearest int8.
inline std::int32_t ssat8(std::int32_t value) {
#if TINYGEN_DSP
  std::int32_t result;
  __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
  return result;
#else
  return value < -128 ? -128 : (value > 127 ? 127 : value);
#endif
}

// a.low in the low lane, b.low in the high lane.
inline std::uint32_t pkhbt(std::uint32_t a, std::uint32_t b) {
#if TINYGEN_DSP
  std::uint32_t result;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(a), "r"(b));
  return result;
#else
  return (a & 0xFFFFU) | (b << 16);
#endif
}

// a.high in the low lane, b.high in the high lane.
inline std::uint32_t pkhtb(std::uint32_t a, std::uint32_t b) {
#if TINYGEN_DSP
  std::uint32_t result;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(b), "r"(a));
  return result;
#else
  return (a >> 16) | (b & 0xFFFF0000U);
#endif
}

}  // namespace tinygen::kernels::dsp
