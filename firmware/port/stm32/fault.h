// What is known about the fault that stopped the program.
#pragma once
#include <stdint.h>

struct TinygenFault {
  uint32_t exception;  // 2 NMI, 3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault, 16 + n: interrupt without handler
  uint32_t pc;
  uint32_t lr;
  uint32_t cfsr;
  uint32_t hfsr;
  uint32_t address;  // MMFAR or BFAR where CFSR says it is valid, else 0
};

extern "C" TinygenFault tinygen_fault;

// Where a stopped program loops; simulators and debuggers look for this symbol.
extern "C" [[noreturn]] void tinygen_fault_loop();
