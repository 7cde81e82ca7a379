#include "tinygen/features/melbank.h"

#include "tinygen/features/integers.h"

namespace tinygen::features {

SegmentSums sum_segment(const Complex* bins, const std::int16_t* weights, const std::int16_t* unweights,
                        std::uint32_t width) {
  SegmentSums sums{0, 0};
  for (std::uint32_t i = 0; i < width; ++i) {
    const std::uint32_t value = energy(bins[i]);
    sums.weighted += wide_product(value, static_cast<std::uint32_t>(weights[i]));
    sums.unweighted += wide_product(value, static_cast<std::uint32_t>(unweights[i]));
  }
  return sums;
}

}  // namespace tinygen::features
