// The bus a sensor is asked over: one master, fast mode (400 kHz), registers of eight bits. One implementation per chip
// family in firmware/port.
#pragma once
#include <cstdint>

namespace tinygen::i2c {

// Pins and clocks. Every wait here and below has a limit.
bool start();

// False when nobody acknowledged, or the bus hung.
bool write(std::uint8_t address, std::uint8_t reg, std::uint8_t value);

// Reads registers from `first` on; the sensor counts upwards.
bool read(std::uint8_t address, std::uint8_t first, std::uint8_t* into, std::uint32_t count);

}  // namespace tinygen::i2c
