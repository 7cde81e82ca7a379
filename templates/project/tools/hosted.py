# Runs before the platform's builder (pre:), in projects for a framework on STM32. The framework's linker script places
# the image; this tells the linker by which of its names we find stack, vector table and initial values of variables, so
# that faults, the stack's figure and the image's digest work as they do without a framework. ST's start-up files and
# linker scripts, which the frameworks share, know these names.
Import("env")

stack_bytes = int(env.GetProjectOption("custom_stack_bytes"))
NAMES = {
    "_stack_top": "_estack",
    "_stack_limit": f"_estack-{stack_bytes:#x}",
    "_vectors": "g_pfnVectors",
    "_data_load": "_sidata",
    "_data_start": "_sdata",
    "_data_end": "_edata",
}
# tinygen's offline stand-in builds without the framework, with the linker script in ld/, which has our names itself.
if not env.BoardConfig().get("build.standin.arch", ""):
    env.Append(LINKFLAGS=[f"-Wl,--defsym={ours}={theirs}" for ours, theirs in NAMES.items()])
