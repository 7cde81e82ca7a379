// What ESP-IDF's nvs_flash.h declares, as far as the ports use it. Source: ESP-IDF v5.5, components/nvs_flash/include.
#pragma once
#include <esp_err.h>

extern "C" esp_err_t nvs_flash_init(void);
