// What follows an exception: vectors.S has written the record.
#if defined(TINYGEN_STANDIN)
#include "tinygen/fault_loop.h"

extern "C" {

__attribute__((used)) TinygenFault tinygen_fault = {};

[[noreturn]] void tinygen_fault_entry();

[[noreturn]] __attribute__((used)) void tinygen_fault_entry() {
  if (tinygen_report_fault != nullptr) {
    tinygen_report_fault(&tinygen_fault);
  }
  tinygen_fault_loop();
}

}  // extern "C"
#endif
