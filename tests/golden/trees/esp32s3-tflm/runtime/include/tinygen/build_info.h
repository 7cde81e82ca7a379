// Which build this is. Defined by the generated build_info.cpp.
#pragma once
#include <cstdint>

#define TINYGEN_RUNTIME_VERSION 1

namespace tinygen {

struct BuildInfo {
  std::uint8_t build_id[16];  // first half of SHA-256 over every other generated file
  const char* board;
  const char* task;
  const char* engine;
};

extern const BuildInfo kBuildInfo;

// Vectors compiled into the image. `input` has model::kInfo.input_bytes, `expected` model::kInfo.output_bytes.
struct SelfTestVector {
  const std::int8_t* input;
  const std::int8_t* expected;
};

extern const SelfTestVector kSelfTestVectors[];
extern const std::uint16_t kSelfTestCount;

}  // namespace tinygen
