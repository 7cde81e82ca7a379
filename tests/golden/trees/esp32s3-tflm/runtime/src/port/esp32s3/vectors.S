// Exception vectors (call0 ABI). One table serves both cores that run this code: LX7 looks at 0x300 (kernel), 0x340 (user)
// and 0x3C0 (double), lx106 at 0x30, 0x50 and 0x70 from VECBASE.
// Source: Xtensa ISA Reference Manual, 4.4.1 (exceptions); QEMU 7.2, target/xtensa/core-lx106/core-isa.h; ESP-IDF,
// components/xtensa/esp32s3/include/xtensa/config/core-isa.h (vector offsets).
#if defined(TINYGEN_STANDIN)
    .section .tinygen.vectors, "ax"
    .global tinygen_vectors
    .align 1024
tinygen_vectors:
    .org 0x30
    j .Lexception
    .org 0x50
    j .Lexception
    .org 0x70
    j .Lexception
    .org 0x300
    j .Lexception
    .org 0x340
    j .Lexception
    .org 0x3C0
    j .Lexception

    .align 4
.Lfault:
    .word tinygen_fault
.Lmagic:
    .word 0x7F417E64
.Lstack:
    .word _stack_top
.Lentry:
    .word tinygen_fault_entry

// Registers into the record (tinygen/fault.h), then C++ on a fresh stack: the old one may be what faulted.
    .align 4
.Lexception:
    wsr.excsave1 a0
    l32r a0, .Lfault
    s32i a1, a0, 20
    rsr.excsave1 a1
    s32i a1, a0, 16
    rsr.epc1 a1
    s32i a1, a0, 12
    rsr.exccause a1
    s32i a1, a0, 8
    movi a1, 1
    s32i a1, a0, 4
    rsr.excvaddr a1
    s32i a1, a0, 24
    rsr.ps a1
    s32i a1, a0, 28
    rsr.depc a1
    s32i a1, a0, 32
    movi a1, 0
    s32i a1, a0, 36
    l32r a1, .Lmagic
    s32i a1, a0, 0
    movi a2, 15
    wsr.ps a2
    rsync
    l32r a1, .Lstack
    l32r a0, .Lentry
    callx0 a0
1:
    j 1b
#endif
