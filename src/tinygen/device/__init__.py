"""Links and targets: serial port, host program, unicorn, QEMU, labwired; the wire protocol's Python side."""
