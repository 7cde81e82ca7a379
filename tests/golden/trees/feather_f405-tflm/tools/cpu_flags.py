# Runs before the platform's builder (pre:). Without a framework, and with STM32Cube, ststm32 sets no FPU options; they
# must reach the compiler, the assembler and the linker, or the linker picks a C library of another calling convention.
Import("env")

flags = env.GetProjectOption("custom_cpu_flags", "").split()
own_start = [] if env.get("PIOFRAMEWORK") else ["-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs"]
env.Append(ASFLAGS=flags, ASPPFLAGS=flags, CCFLAGS=flags, LINKFLAGS=[*flags, *own_start])
