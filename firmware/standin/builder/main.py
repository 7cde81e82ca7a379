"""SCons build script of the stand-in: Arm bare metal, ESP32-S3 RAM image (call0), this machine."""

import os
import shutil
import sys
from pathlib import Path

from SCons.Script import AlwaysBuild, Builder, Default, DefaultEnvironment

env = DefaultEnvironment()
HERE = Path(env.PioPlatform().get_dir())
BOARD = env.BoardConfig() if "BOARD" in env else None
ARCH = BOARD.get("build.standin.arch") if BOARD else "native"


def fail(message):
    """End the build with one clear sentence."""
    sys.stderr.write(f"Error: {message}\n")
    env.Exit(1)


def use_cross_compiler(prefix, package):
    """Take the compilers with this prefix from PATH, or say which Debian package has them."""
    if not shutil.which(prefix + "g++", path=env["ENV"]["PATH"]):
        fail(f"'{prefix}g++' is not installed (Debian package {package})")
    env.Replace(
        AR=prefix + "gcc-ar",
        AS=prefix + "gcc",
        CC=prefix + "gcc",
        CXX=prefix + "g++",
        LINK=prefix + "g++",
        RANLIB=prefix + "gcc-ranlib",
        OBJCOPY=prefix + "objcopy",
        SIZETOOL=prefix + "size",
        ARFLAGS=["rc"],
        PROGSUFFIX=".elf",
        SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
        SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
    )
    if env.get("PROGNAME", "program") == "program":
        env.Replace(PROGNAME="firmware")
    env.Append(
        ASFLAGS=["-c"],
        ASPPFLAGS=["-x", "assembler-with-cpp"],
        CCFLAGS=["-Os", "-ffunction-sections", "-fdata-sections", "-Wall"],
        CXXFLAGS=["-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics"],
        CPPDEFINES=[("F_CPU", "$BOARD_F_CPU")],
        LINKFLAGS=["-Os", "-Wl,--gc-sections", "-nostartfiles", "-nostdlib"],
    )


def use_own_linker_script():
    """Where the vendor's platform brings its own scripts, the project's ini names none: ours lies in ld/."""
    if env.get("LDSCRIPT_PATH"):
        return
    scripts = sorted(Path(env.subst("$PROJECT_DIR"), "ld").glob("*.ld"))
    named = [script for script in scripts if script.stem == BOARD.get("build.mcu")]
    chosen = named or scripts
    if len(chosen) != 1:
        fail(f"the project has {len(scripts)} linker scripts in ld/, none named {BOARD.get('build.mcu')}.ld")
    env.Replace(LDSCRIPT_PATH=str(chosen[0]))


def arm():
    """What platform-ststm32 gives a project without a framework; FPU options are the project's own script's."""
    use_cross_compiler("arm-none-eabi-", "gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib")
    cpu = ["-mthumb", "-mcpu=" + BOARD.get("build.cpu")]
    env.Append(ASFLAGS=cpu, ASPPFLAGS=cpu, CCFLAGS=[*cpu, "-nostdlib"], LINKFLAGS=cpu, LIBS=["c", "gcc", "m", "stdc++"])
    env.Replace(
        SIZEPROGREGEXP=r"^(?:\.isr_vector|\.text|\.rodata|\.ARM\.exidx|\.init_array|\.data)\s+(\d+).*",
        SIZEDATAREGEXP=r"^(?:\.data|\.bss|\.noinit|\.arena|\.stack)\s+(\d+).*",
    )


def xtensa():
    """call0 code of the ESP8266's compiler: a true subset of the ESP32-S3's LX7."""
    use_cross_compiler("xtensa-lx106-elf-", "gcc-xtensa-lx106")
    env.Append(
        ASFLAGS=["-mlongcalls"],
        ASPPFLAGS=["-mlongcalls"],
        CCFLAGS=["-mlongcalls", "-fstrict-volatile-bitfields", "-isystem", str(HERE / "xtensa" / "include")],
        LINKFLAGS=["-Wl,-static"],
        LIBS=["gcc"],
    )
    use_own_linker_script()
    helpers = env.Clone()
    # Without these two, GCC turns the loop inside memcpy into a call of memcpy.
    helpers.Append(CCFLAGS=["-O2", "-ffreestanding", "-fno-tree-loop-distribute-patterns"])
    helpers.BuildSources("$BUILD_DIR/standin_runtime", str(HERE / "xtensa" / "runtime"))
    env.Append(PIOBUILDFILES=helpers.get("PIOBUILDFILES", []))
    env.Replace(
        SIZEPROGREGEXP=r"^(?:\.text|\.rodata|\.ctors|\.data)\s+(\d+).*",
        SIZEDATAREGEXP=r"^(?:\.rodata|\.ctors|\.data|\.bss|\.noinit|\.arena|\.stack)\s+(\d+).*",
    )


def native():
    """The machine's own compiler; CC and CXX choose another, TINYGEN_SANITIZE=1 (or the project option) checks it."""
    print(f"PLATFORM: {env.PioPlatform().title}")  # PlatformIO says it of platforms with boards only
    env.Replace(CC=os.environ.get("CC", "gcc"), CXX=os.environ.get("CXX", "g++"), LINK=os.environ.get("CXX", "g++"))
    if not shutil.which(env["CXX"], path=env["ENV"]["PATH"]):
        fail(f"'{env['CXX']}' is not installed (Debian package g++)")
    env.Append(CCFLAGS=["-O2"])
    wanted = os.environ.get("TINYGEN_SANITIZE", env.GetProjectOption("custom_sanitize", "0"))
    if wanted not in ("", "0"):
        flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
        env.Append(CCFLAGS=flags, LINKFLAGS=flags)


{"arm": arm, "xtensa": xtensa, "native": native}[ARCH]()
if ARCH == "arm" and env.get("PIOFRAMEWORK"):
    use_own_linker_script()

program = env.BuildProgram()
if ARCH == "arm":
    env.Append(
        BUILDERS={
            "ElfToBin": Builder(
                action=env.VerboseAction('"$OBJCOPY" -O binary $SOURCES $TARGET', "Building $TARGET"), suffix=".bin"
            )
        }
    )
    result = env.ElfToBin("$BUILD_DIR/${PROGNAME}", program)
    env.Depends(result, "checkprogsize")
else:
    result = program

AlwaysBuild(env.Alias("nobuild", result))
build = env.Alias("buildprog", result, result)
if env.get("SIZETOOL"):
    env.AddPlatformTarget(
        "size", program, env.VerboseAction("$SIZEPRINTCMD", "Calculating size $SOURCE"), "Program size"
    )
env.AddPlatformTarget(
    "upload",
    None,
    [
        lambda target, source, env: fail(
            "this is the offline stand-in: use `tinygen flash`, which knows what may be flashed"
        )
    ],
    "Upload",
)
Default([build])
