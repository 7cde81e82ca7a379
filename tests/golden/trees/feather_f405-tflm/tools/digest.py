# Runs after the linker (post:) and writes the image's digest into the image: a CRC-32 over what is in flash, which the
# firmware compares at every start. Alone: python -P tools/digest.py firmware.elf
import struct
import sys
import zlib
from pathlib import Path

from elftools.elf.elffile import ELFFile

MAGIC = 0x31444754  # as in lib/tinygen/include/tinygen/port.h


def spans_of(symbols, behind):
    """(address where it is stored, bytes) of what the digest covers; as the port's image.cpp says it."""
    digest = symbols["tinygen_image_digest"]
    if "_data_load" in symbols:
        first, data = symbols["_vectors"], symbols["_data_load"]
        return (first, digest - first), (digest + 16, behind), (data, symbols["_data_end"] - symbols["_data_start"])
    text, constants = symbols["_image_text_start"], symbols["_rodata_start"]
    return (text, symbols["_image_text_end"] - text), (constants, digest - constants)


def write_digest(path):
    """Fill in `tinygen_image_digest`; False for an image that has none."""
    image = bytearray(path.read_bytes())
    with path.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        symbols = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()} if table else {}
        loads = [s for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
    if "tinygen_image_digest" not in symbols:
        return False

    def place(address, size):
        for load in loads:
            inside = address - load["p_paddr"]
            if 0 <= inside and inside + size <= load["p_filesz"]:
                return load["p_offset"] + inside
        sys.exit(f"{path}: {size} bytes at {address:#x} are not in the image")

    record = symbols["tinygen_image_digest"]
    ends = (load["p_paddr"] + load["p_filesz"] for load in loads if 0 <= record - load["p_paddr"] < load["p_filesz"])
    behind = (next(ends, record + 16) - record - 16) & ~3
    crc = total = 0
    for address, size in spans_of(symbols, behind):
        if size:
            start = place(address, size)
            crc = zlib.crc32(image[start : start + size], crc)
            total += size
    start = place(record, 16)
    image[start : start + 16] = struct.pack("<IIII", MAGIC, crc, total, behind if "_data_load" in symbols else 0)
    path.write_bytes(image)
    return True


if "Import" in globals():
    Import("env")
    env.AddPostAction(
        "$BUILD_DIR/${PROGNAME}${PROGSUFFIX}", lambda target, source, env: write_digest(Path(str(target[0]))) and None
    )
else:
    sys.exit(0 if write_digest(Path(sys.argv[1])) else f"{sys.argv[1]} has no place for a digest")
