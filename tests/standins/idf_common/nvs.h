// What ESP-IDF's nvs.h declares, as far as the ports use it. Source: ESP-IDF v5.5, components/nvs_flash/include/nvs.h.
#pragma once
#include <esp_err.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
typedef uint32_t nvs_handle_t;
typedef enum { NVS_READONLY, NVS_READWRITE } nvs_open_mode_t;
esp_err_t nvs_open(const char* namespace_name, nvs_open_mode_t open_mode, nvs_handle_t* out_handle);
esp_err_t nvs_set_blob(nvs_handle_t handle, const char* key, const void* value, size_t length);
esp_err_t nvs_get_blob(nvs_handle_t handle, const char* key, void* out_value, size_t* length);
esp_err_t nvs_commit(nvs_handle_t handle);
}
