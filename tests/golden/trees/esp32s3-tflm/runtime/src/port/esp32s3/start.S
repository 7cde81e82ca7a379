// First instructions of the RAM image (call0 ABI): a stack, then C++.
#if defined(TINYGEN_STANDIN)
    .section .text.entry, "ax"
    .global _start
    .literal_position
    .literal .Lstack_top, _stack_top
    .align 4
_start:
    movi a0, 0
    l32r a1, .Lstack_top
    call0 tinygen_start
1:
    j 1b
#endif
