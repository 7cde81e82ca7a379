// The application: takes requests from the port's serial line and answers them. Owns no hardware.
#pragma once
#include <cstdint>

namespace tinygen {

enum class LogLevel : std::uint8_t { debug = 0, info = 1, warning = 2, error = 3 };

// Starts the port and says which build this is. Once, before poll() (Arduino: in setup()).
void begin();

// One turn: takes what has arrived, answers at most one request, or waits in port::idle(). For Arduino's loop().
void poll();

// begin(), then poll() for ever.
[[noreturn]] void run();

// Sends a text frame; cut after 200 bytes.
void log(LogLevel level, const char* text);

}  // namespace tinygen
