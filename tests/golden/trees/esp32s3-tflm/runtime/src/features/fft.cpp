#include "tinygen/features/fft.h"

#include "tinygen/features/integers.h"

namespace tinygen::features {
namespace {

struct Wide {
  std::int32_t re;
  std::int32_t im;
};

std::int32_t rounded_q15(std::int32_t value) {
  return (value + (1 << 14)) >> 15;
}

// Sums wrap like the 16-bit sums they stand for.
std::int16_t wrapped(std::int32_t value) {
  return static_cast<std::int16_t>(value);
}

// The scaling before each stage of this radix.
template <std::int32_t radix>
Wide scaled_down(const Complex& value) {
  constexpr std::int32_t factor = 32767 / radix;
  return {rounded_q15(value.re * factor), rounded_q15(value.im * factor)};
}

Wide times(const Wide& value, const std::int16_t* factor) {
  const std::int32_t re = factor[0];
  const std::int32_t im = factor[1];
  return {rounded_q15(value.re * re - value.im * im), rounded_q15(value.re * im + value.im * re)};
}

// One radix-4 butterfly of four scaled and turned values.
void butterfly4(Complex* data, std::uint32_t m, const Wide& a, const Wide& b, const Wide& c, const Wide& d) {
  const Wide plus{a.re + c.re, a.im + c.im};
  const Wide minus{a.re - c.re, a.im - c.im};
  const Wide odd{b.re + d.re, b.im + d.im};
  const Wide skew{b.re - d.re, b.im - d.im};
  data[0] = {wrapped(plus.re + odd.re), wrapped(plus.im + odd.im)};
  data[m] = {wrapped(minus.re + skew.im), wrapped(minus.im - skew.re)};
  data[2 * m] = {wrapped(plus.re - odd.re), wrapped(plus.im - odd.im)};
  data[3 * m] = {wrapped(minus.re - skew.im), wrapped(minus.im + skew.re)};
}

// The innermost stage: the factor 32767/32768 of index 0 changes no scaled value, so nothing is turned.
void first_stage4(Complex* data, std::uint32_t n) {
  for (std::uint32_t i = 0; i < n; i += 4) {
    butterfly4(data + i, 1, scaled_down<4>(data[i]), scaled_down<4>(data[i + 1]), scaled_down<4>(data[i + 2]),
               scaled_down<4>(data[i + 3]));
  }
}

void first_stage2(Complex* data, std::uint32_t n) {
  for (std::uint32_t i = 0; i < n; i += 2) {
    const Wide a = scaled_down<2>(data[i]);
    const Wide b = scaled_down<2>(data[i + 1]);
    data[i] = {wrapped(a.re + b.re), wrapped(a.im + b.im)};
    data[i + 1] = {wrapped(a.re - b.re), wrapped(a.im - b.im)};
  }
}

// `stride` = n / (4 m): steps between the factors of neighbouring k.
void stage4(Complex* data, std::uint32_t n, std::uint32_t m, std::uint32_t stride, const std::int16_t* twiddles) {
  for (std::uint32_t k = 0; k < m; ++k) {
    const std::int16_t* const turn1 = twiddles + 2 * (k * stride);
    const std::int16_t* const turn2 = twiddles + 2 * (2 * k * stride);
    const std::int16_t* const turn3 = twiddles + 2 * (3 * k * stride);
    for (std::uint32_t i = k; i < n; i += 4 * m) {
      Complex* const at = data + i;
      butterfly4(at, m, scaled_down<4>(at[0]), times(scaled_down<4>(at[m]), turn1),
                 times(scaled_down<4>(at[2 * m]), turn2), times(scaled_down<4>(at[3 * m]), turn3));
    }
  }
}

// Untangles the transform of pairs into that of the real samples.
void split_real(Complex* data, std::uint32_t n, const std::int16_t* factors) {
  const Wide first = scaled_down<2>(data[0]);
  data[0] = {wrapped(first.re + first.im), wrapped(first.re - first.im)};
  for (std::uint32_t k = 1; k <= n / 2; ++k, factors += 2) {
    const Complex mirrored{data[n - k].re, wrapped(-data[n - k].im)};
    const Wide low = scaled_down<2>(data[k]);
    const Wide high = scaled_down<2>(mirrored);
    const Wide even{low.re + high.re, low.im + high.im};
    const Wide turned = times({low.re - high.re, low.im - high.im}, factors);
    const std::int32_t turned_re = wrapped(turned.re);
    const std::int32_t turned_im = wrapped(turned.im);
    data[k] = {wrapped((even.re + turned_re) >> 1), wrapped((even.im + turned_im) >> 1)};
    // In the middle both are the same place: this one stays.
    data[n - k] = {wrapped((even.re - turned_re) >> 1), wrapped((turned_im - even.im) >> 1)};
  }
}

std::int16_t saturated(std::int32_t value) {
  return static_cast<std::int16_t>(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
}

}  // namespace

std::int32_t rounded_mean(const std::int16_t* samples, std::uint32_t bits) {
  std::int32_t sum = 0;  // at most 2^12 samples of 16 bits
  for (std::uint32_t i = 0; i < (UINT32_C(1) << bits); ++i) {
    sum += samples[i];
  }
  return (sum + (1 << bits >> 1)) >> bits;
}

std::int32_t load_full_scale(const RealFft& fft, const std::int16_t* samples, std::int32_t mean,
                             const std::int16_t* window, std::uint32_t window_samples, Complex* data) {
  std::int16_t largest = 0;
  const auto windowed = [&](std::uint32_t i) -> std::int16_t {
    if (i >= window_samples) {
      return 0;
    }
    const std::int16_t value = wrapped((saturated(samples[i] - mean) * window[i]) >> 12);
    const std::int16_t magnitude = value < 0 ? wrapped(-value) : value;  // -32768 stays negative and does not count
    largest = magnitude > largest ? magnitude : largest;
    return value;
  };
  for (std::uint32_t place = 0; place < fft.n_complex; ++place) {
    const std::uint32_t pair = fft.order[place];
    const std::int16_t re = windowed(2 * pair);
    const std::int16_t im = windowed(2 * pair + 1);
    data[place] = {re, im};
  }
  const std::int32_t shift = 15 - bit_length(static_cast<std::uint32_t>(largest));
  const std::int32_t factor = 1 << shift;
  for (std::uint32_t place = 0; place < fft.n_complex; ++place) {
    data[place] = {wrapped(data[place].re * factor), wrapped(data[place].im * factor)};
  }
  return shift;
}

void real_fft(const RealFft& fft, Complex* data) {
  const std::uint32_t n = fft.n_complex;
  std::uint32_t m = 4;
  if ((bit_length(n) & 1) == 0) {  // an odd power of two
    first_stage2(data, n);
    m = 2;
  } else {
    first_stage4(data, n);
  }
  for (std::uint32_t stride = m == 2 ? n >> 3 : n >> 4; m < n; m *= 4, stride >>= 2) {
    stage4(data, n, m, stride, fft.twiddles);
  }
  split_real(data, n, fft.split);
}

std::uint64_t band_energy(const Complex* spectrum, std::uint32_t first, std::uint32_t end, std::int32_t shift) {
  std::uint64_t sum = 0;
  for (std::uint32_t bin = first; bin < end; ++bin) {
    sum += energy(spectrum[bin]);
  }
  const std::uint64_t band = (sum >> 32) != 0 ? UINT64_C(0xFFFFFFFF) : sum;
  const std::int32_t bits = 20 - 2 * shift;
  return bits >= 0 ? band << bits : band >> -bits;
}

}  // namespace tinygen::features
