"""Facts of hardware as data, no behaviour: `spec` says what a chip and a board are, `loader` reads them from TOML."""
