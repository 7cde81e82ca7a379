/* The four functions GCC may call on its own in freestanding code. Whole words where both
   sides are aligned. Weak, so that a project that links a C library keeps that one's. */
#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) Word;

void* memcpy(void* restrict into, const void* restrict from, size_t count);
void* memmove(void* into, const void* from, size_t count);
void* memset(void* into, int value, size_t count);
int memcmp(const void* left, const void* right, size_t count);

static inline int is_aligned(const void* pointer) {
  return ((uintptr_t)pointer & 3u) == 0;
}

__attribute__((weak)) void* memcpy(void* restrict into, const void* restrict from, size_t count) {
  unsigned char* to = into;
  const unsigned char* source = from;
  if (is_aligned(to) && is_aligned(source)) {
    for (; count >= 4; count -= 4, to += 4, source += 4) *(Word*)to = *(const Word*)source;
  }
  while (count-- != 0) *to++ = *source++;
  return into;
}

__attribute__((weak)) void* memmove(void* into, const void* from, size_t count) {
  unsigned char* to = into;
  const unsigned char* source = from;
  if ((uintptr_t)to - (uintptr_t)source >= count) {
    while (count-- != 0) *to++ = *source++;
  } else {
    while (count-- != 0) to[count] = source[count];
  }
  return into;
}

__attribute__((weak)) void* memset(void* into, int value, size_t count) {
  unsigned char* to = into;
  const unsigned char byte = (unsigned char)value;
  if (is_aligned(to)) {
    const Word word = (Word)byte * 0x01010101u;
    for (; count >= 4; count -= 4, to += 4) *(Word*)to = word;
  }
  while (count-- != 0) *to++ = byte;
  return into;
}

__attribute__((weak)) int memcmp(const void* left, const void* right, size_t count) {
  const unsigned char* a = left;
  const unsigned char* b = right;
  for (; count-- != 0; ++a, ++b) {
    if (*a != *b) return *a < *b ? -1 : 1;
  }
  return 0;
}
