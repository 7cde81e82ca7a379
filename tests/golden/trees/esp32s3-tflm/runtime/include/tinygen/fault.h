// What is known about the fault that stopped the program.
//
// A port's exception handler fills `tinygen_fault`, which no start-up code clears, and calls tinygen_report_fault()
// where the application has one; then it stops in tinygen_fault_loop(), where debuggers and simulators look and from
// where the watchdog, if it runs, restarts the chip. After the restart the record says why.
#pragma once
#include <stdint.h>

constexpr uint32_t kTinygenFaultMagic = 0x7F417E64;  // random memory at power-on does not hold it by chance

constexpr uint32_t kTinygenFaultCortexM = 0;
constexpr uint32_t kTinygenFaultXtensa = 1;

struct TinygenFault {
  uint32_t magic;         // kTinygenFaultMagic while this is the record of a fault
  uint32_t architecture;  // one of the above
  uint32_t number;  // Cortex-M: 2 NMI, 3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault, 16 + n: interrupt without
                    // handler. Xtensa: EXCCAUSE.
  uint32_t pc;      // 0, like lr, where the stack had gone and nothing could be read
  uint32_t lr;
  uint32_t sp;
  uint32_t status[4];  // Cortex-M: CFSR, HFSR, MMFAR, BFAR. Xtensa: EXCVADDR, PS, EPC of a double exception, 0.
};

extern "C" {

extern TinygenFault tinygen_fault;  // the port's

// The application's: tells the host by polled output. Runs on a stack of its own making, interrupts off.
__attribute__((weak)) void tinygen_report_fault(const TinygenFault* fault);

// Where a stopped program loops; simulators and debuggers look for this symbol.
[[noreturn]] void tinygen_fault_loop();

}  // extern "C"
