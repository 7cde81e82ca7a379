// 16-bit fixed-point real FFT, in place, scaled by 1/size. The NumPy twin is src/tinygen/features/fft.py.
#pragma once
#include <cstdint>

namespace tinygen::features {

struct Complex {
  std::int16_t re;
  std::int16_t im;
};

// Constants of one transform size; the arrays are generated.
struct RealFft {
  std::uint16_t n_complex;       // size / 2
  const std::uint16_t* order;    // [n_complex] which pair of samples goes to each place
  const std::int16_t* twiddles;  // [3 * n_complex / 4][2]
  const std::int16_t* split;     // [n_complex / 2][2]
};

// floor((sum + 2^(bits-1)) / 2^bits) of 2^bits samples.
std::int32_t rounded_mean(const std::int16_t* samples, std::uint32_t bits);

// Fills `data` with windowed samples in the order the transform wants, zeros behind them, and shifts all up until the
// largest fills 15 bits. Returns that shift, 0..15. `mean` is taken off each sample first, saturating.
std::int32_t load_full_scale(const RealFft& fft, const std::int16_t* samples, std::int32_t mean,
                             const std::int16_t* window, std::uint32_t window_samples, Complex* data);

// Transforms what load_full_scale left in `data`. Bin k = 1 .. n_complex-1 is data[k]; data[0] is {bin 0, last bin}.
void real_fft(const RealFft& fft, Complex* data);

// Energy of a bin. Parts are at most 32767 in magnitude: 31 bits.
inline std::uint32_t energy(const Complex& bin) {
  const std::int32_t re = bin.re;
  const std::int32_t im = bin.im;
  return static_cast<std::uint32_t>(re * re + im * im);
}

// Energy of bins first .. end-1, with 20 fractional bits, freed of the full-scale shift.
std::uint64_t band_energy(const Complex* spectrum, std::uint32_t first, std::uint32_t end, std::int32_t shift);

}  // namespace tinygen::features
