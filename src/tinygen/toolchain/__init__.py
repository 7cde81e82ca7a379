"""The only room that starts compilers: PlatformIO driver, offline setup, ELF size reader."""
