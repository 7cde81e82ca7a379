// A fault as bytes: the payload of FAULT and of LAST_FAULT's answer.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/fault.h"

namespace tinygen::protocol {

constexpr std::size_t kFaultBytes = 32;

void fault_payload(const TinygenFault& fault, std::uint8_t* into);

}  // namespace tinygen::protocol
