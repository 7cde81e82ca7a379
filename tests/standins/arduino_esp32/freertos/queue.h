// What the ports use of FreeRTOS' queue.h.
#pragma once
#include "FreeRTOS.h"

typedef struct QueueDefinition* QueueHandle_t;
BaseType_t xQueueReceive(QueueHandle_t, void*, TickType_t);
