// Views of the arena. The arena is bytes; one place holds int8 values now and floats later, so the other types must be
// ones that the compiler does not keep apart by their type.
#pragma once
#include <cstdint>

namespace tinygen {

typedef std::uint8_t Uint8;
typedef std::int16_t Int16 __attribute__((may_alias));
typedef std::int32_t Int32 __attribute__((may_alias));
typedef std::int64_t Int64 __attribute__((may_alias));
typedef float Float32 __attribute__((may_alias));

inline Uint8* view_uint8(std::int8_t* place) {
  return reinterpret_cast<Uint8*>(place);
}
inline Int16* view_int16(std::int8_t* place) {
  return reinterpret_cast<Int16*>(place);
}
inline Int32* view_int32(std::int8_t* place) {
  return reinterpret_cast<Int32*>(place);
}
inline Int64* view_int64(std::int8_t* place) {
  return reinterpret_cast<Int64*>(place);
}
inline Float32* view_float32(std::int8_t* place) {
  return reinterpret_cast<Float32*>(place);
}

}  // namespace tinygen
