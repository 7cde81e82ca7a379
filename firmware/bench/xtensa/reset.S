// The machine starts at the core's reset vector, 0x50000000 for lx106.
    .section .reset, "ax"
    .literal_position
    .literal .Lstack_top, bench_stack_top
    .literal .Lstart, bench_start
reset_code:
    movi a0, 0
    l32r a1, .Lstack_top
    l32r a2, .Lstart
    callx0 a2

    .section .reset_vector, "ax"
    .global bench_reset
bench_reset:
    j reset_code

// QEMU takes a call's number in a2, its arguments in a3..a5.
    .section .text.bench_simcall, "ax"
    .global bench_simcall
    .type bench_simcall, @function
    .align 4
bench_simcall:
    simcall
    ret
