#pragma once
#include <stdint.h>
extern "C" int esp_rom_output_tx_one_char(uint8_t c);
