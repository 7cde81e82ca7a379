// Vectors the device checks itself with: model inputs and the outputs TFLM's interpreter gave for them.
#include "tinygen/build_info.h"

namespace tinygen {
namespace {

alignas(4) const std::int8_t kInput0[8] = {
    0, 1, 2, 3, 4, 5, 6, 7,
};
alignas(4) const std::int8_t kExpected0[3] = {
    0, 0, 0,
};

}  // namespace

const SelfTestVector kSelfTestVectors[] = {
    {kInput0, kExpected0},
};
const std::uint16_t kSelfTestCount = 1;

}  // namespace tinygen
