#pragma once
#include "exceptions.h"
