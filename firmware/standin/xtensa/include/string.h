// The part of <string.h> that ../runtime/memory.c implements.
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
void* memcpy(void* into, const void* from, size_t count);
void* memmove(void* into, const void* from, size_t count);
void* memset(void* into, int value, size_t count);
int memcmp(const void* left, const void* right, size_t count);
#ifdef __cplusplus
}
#endif
