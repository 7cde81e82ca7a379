// STM32CubeF7
#pragma once
#define HAL_USART_V2
#include "hal.h"
