#pragma once
#include <stdint.h>
extern "C" uint32_t rtc_clk_slow_freq_get_hz(void);
