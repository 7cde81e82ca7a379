// STM32CubeF4
#pragma once
#include "hal.h"
