// QEMU's Xtensa `sim` machine starts at the core's reset vector, 0x50000000 for lx106.
    .section .reset, "ax"
    .global _reset
    .literal_position
    .literal .Lstack_top, _stack_top
    .literal .Lstart, tinygen_start
_reset_code:
    movi a0, 0
    l32r a1, .Lstack_top
    l32r a2, .Lstart
    callx0 a2
1:
    j 1b

    .section .reset_vector, "ax"
_reset:
    j _reset_code

// int tinygen_simcall(int number, int a, int b, int c): QEMU takes the call's number in a2, its arguments in a3..a5 and
// gives the result in a2, errno in a3.
    .section .text.tinygen_simcall, "ax"
    .global tinygen_simcall
    .type tinygen_simcall, @function
    .align 4
tinygen_simcall:
    simcall
    ret
    .size tinygen_simcall, . - tinygen_simcall
