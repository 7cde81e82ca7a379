#pragma once
#include <stdint.h>
extern "C" int esp_rom_uart_tx_one_char(uint8_t c);
