// What a build of the project gets from its sdkconfig.
#pragma once
#define CONFIG_ESP_MAIN_TASK_STACK_SIZE 8192
#define CONFIG_FREERTOS_HZ 1000
