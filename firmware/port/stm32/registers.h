// Memory-mapped registers and the Cortex-M system control space.
// Source: ARMv7-M Architecture Reference Manual, B3.2 (system control), B3.3 (SysTick), B3.4 (NVIC), C1.8 (DWT).
#pragma once
#include <stdint.h>

namespace tinygen::port {

inline volatile uint32_t& reg(uint32_t address) {
  return *reinterpret_cast<volatile uint32_t*>(address);
}

inline void set_bits(uint32_t address, uint32_t bits) {
  reg(address) = reg(address) | bits;
}

inline void change_field(uint32_t address, uint32_t mask, uint32_t bits) {
  reg(address) = (reg(address) & ~mask) | bits;
}

// A peripheral clock needs a moment after its enable bit was written; reading the register back is that moment.
inline void read_back(uint32_t address) {
  const uint32_t seen = reg(address);
  static_cast<void>(seen);
}

// Polls until (register & mask) == wanted; false when that did not happen in `polls` reads.
inline bool wait_for(uint32_t address, uint32_t mask, uint32_t wanted, uint32_t polls) {
  for (uint32_t i = 0; i < polls; ++i) {
    if ((reg(address) & mask) == wanted) {
      return true;
    }
  }
  return false;
}

inline void enable_interrupts() {
  __asm__ volatile("cpsie i" ::: "memory");
}
inline void disable_interrupts() {
  __asm__ volatile("cpsid i" ::: "memory");
}
inline void data_barrier() {
  __asm__ volatile("dsb" ::: "memory");
}
inline void instruction_barrier() {
  __asm__ volatile("isb" ::: "memory");
}

constexpr uint32_t kSysTickControl = 0xE000E010;  // enable 0, interrupt 1, processor clock 2
constexpr uint32_t kSysTickReload = 0xE000E014;
constexpr uint32_t kSysTickValue = 0xE000E018;
constexpr uint32_t kNvicEnable = 0xE000E100;
constexpr uint32_t kNvicPriority = 0xE000E400;  // a byte each
constexpr uint32_t kIcsr = 0xE000ED04;          // SysTick pending 26
constexpr uint32_t kVtor = 0xE000ED08;
constexpr uint32_t kAircr = 0xE000ED0C;           // key 0x05FA in the upper half, reset request 2
constexpr uint32_t kSystemHandlers = 0xE000ED24;  // SHCSR: MemManage 16, BusFault 17, UsageFault 18 enabled
constexpr uint32_t kCfsr = 0xE000ED28;
constexpr uint32_t kHfsr = 0xE000ED2C;
constexpr uint32_t kMmfar = 0xE000ED34;
constexpr uint32_t kBfar = 0xE000ED38;
constexpr uint32_t kCpacr = 0xE000ED88;       // coprocessors 10 and 11: full access
constexpr uint32_t kDemcr = 0xE000EDFC;       // trace enable 24
constexpr uint32_t kDwtControl = 0xE0001000;  // cycle counter enable 0
constexpr uint32_t kDwtCycles = 0xE0001004;

// Resets the chip through the system control block.
[[noreturn]] inline void restart_core() {
  data_barrier();
  reg(kAircr) = 0x05FA0004;
  data_barrier();
  for (;;) {
    __asm__ volatile("nop");
  }
}

}  // namespace tinygen::port
