// ESP-IDF 4.4 includes esp_mac.h from esp_system.h.
#pragma once
#include <stdint.h>
#include "esp_err.h"
extern "C" esp_err_t esp_efuse_mac_get_default(uint8_t* mac);
#include_next <esp_system.h>
