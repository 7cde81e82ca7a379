// Reset, faults and the vector table of a Cortex-M.
#include "board_config.h"
#if TINYGEN_BARE_METAL

#include <stdint.h>

#include "counter.h"
#include "registers.h"
#include "serial.h"
#include "tinygen/port.h"
#include "tinygen/stack.h"

extern "C" {

extern uint32_t _vectors[];
extern uint32_t _data_load[];
extern uint32_t _data_start[];
extern uint32_t _data_end[];
extern uint32_t _bss_start[];
extern uint32_t _bss_end[];

using Function = void (*)();
extern Function __init_array_start[];
extern Function __init_array_end[];

int main();

[[noreturn]] void Reset_Handler();
void tinygen_fault_entry();
void tinygen_unexpected_interrupt();
void tinygen_flash_nmi();

}  // extern "C"

#if defined(TINYGEN_SENSOR_DMA_IRQ)
extern "C" void tinygen_sensor_interrupt();
#endif

namespace {

using namespace tinygen::port;

struct VectorTable {
  uint32_t* stack_top;
  Function handlers[15 + TINYGEN_INTERRUPT_COUNT];
};

constexpr VectorTable make_vectors() {
  VectorTable table = {_stack_top, {}};
  for (Function& handler : table.handlers) {
    handler = tinygen_unexpected_interrupt;
  }
  table.handlers[0] = Reset_Handler;
  for (int fault = 1; fault <= 5; ++fault) {  // NMI, HardFault, MemManage, BusFault, UsageFault
    table.handlers[fault] = tinygen_fault_entry;
  }
#if TINYGEN_STATE == 1 && \
    (defined(TINYGEN_CHIP_STM32L4) || defined(TINYGEN_CHIP_STM32G4) || defined(TINYGEN_CHIP_STM32H5))
  table.handlers[1] = tinygen_flash_nmi;
#endif
  table.handlers[14] = tinygen_systick_interrupt;
  table.handlers[15 + TINYGEN_SERIAL_IRQ] = tinygen_serial_interrupt;
#if defined(TINYGEN_SENSOR_DMA_IRQ)
  table.handlers[15 + TINYGEN_SENSOR_DMA_IRQ] = tinygen_sensor_interrupt;
#endif
  return table;
}

}  // namespace

extern "C" __attribute__((section(".tinygen.vectors"), used)) const VectorTable tinygen_vectors = make_vectors();

extern "C" {

// Volatile accesses keep GCC from calling memcpy or memset before there is memory to speak of.
[[noreturn]] void Reset_Handler() {
#if defined(__ARM_FP)
  set_bits(kCpacr, 0xFU << 20);
  data_barrier();
  instruction_barrier();
#endif
  set_bits(kSystemHandlers, 7U << 16);  // MemManage, BusFault and UsageFault speak for themselves
  uint32_t* frame;
  __asm__ volatile("mov %0, sp" : "=r"(frame));
  paint_stack(frame);
  const volatile uint32_t* from = _data_load;
  for (volatile uint32_t* to = _data_start; to < _data_end; ++to, ++from) {
    *to = *from;
  }
  for (volatile uint32_t* to = _bss_start; to < _bss_end; ++to) {
    *to = 0;
  }
  reg(kVtor) = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(_vectors));
  for (Function* constructor = __init_array_start; constructor != __init_array_end; ++constructor) {
    (*constructor)();
  }
  enable_interrupts();
  main();
  tinygen::port::reset();
}

}  // extern "C"

#endif
