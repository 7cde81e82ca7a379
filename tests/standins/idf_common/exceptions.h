// xtensa_api.h (ESP-IDF 5) and freertos/xtensa_api.h (4.4), XtExcFrame from xtensa_context.h.
#pragma once

typedef struct {
  long exit, pc, ps, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, sar, exccause, excvaddr;
} XtExcFrame;
typedef void (*xt_exc_handler)(XtExcFrame*);

extern "C" xt_exc_handler xt_set_exception_handler(int n, xt_exc_handler f);
