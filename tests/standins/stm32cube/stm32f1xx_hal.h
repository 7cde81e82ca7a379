// STM32CubeF1
#pragma once
#define HAL_GPIO_V1
#include "hal.h"
