#pragma once
#include <stdint.h>

typedef enum { WDT_RWDT = 0, WDT_MWDT0, WDT_MWDT1 } wdt_inst_t;
typedef enum { WDT_STAGE0 = 0, WDT_STAGE1, WDT_STAGE2, WDT_STAGE3 } wdt_stage_t;
typedef enum {
  WDT_STAGE_ACTION_OFF = 0, WDT_STAGE_ACTION_INT, WDT_STAGE_ACTION_RESET_CPU, WDT_STAGE_ACTION_RESET_SYSTEM
} wdt_stage_action_t;
typedef struct {
  wdt_inst_t inst;
} wdt_hal_context_t;

extern "C" {
void wdt_hal_init(wdt_hal_context_t* hal, wdt_inst_t wdt_inst, uint32_t prescaler, bool enable_intr);
void wdt_hal_config_stage(wdt_hal_context_t* hal, wdt_stage_t stage, uint32_t timeout, wdt_stage_action_t behavior);
void wdt_hal_write_protect_disable(wdt_hal_context_t* hal);
void wdt_hal_write_protect_enable(wdt_hal_context_t* hal);
void wdt_hal_enable(wdt_hal_context_t* hal);
void wdt_hal_feed(wdt_hal_context_t* hal);
}
