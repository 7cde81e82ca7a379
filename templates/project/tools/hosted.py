# Runs before the platform's builder (pre:), in projects for a framework on STM32: the linker also reads tools/hosted.ld.
Import("env")

# tinygen's offline stand-in builds without the framework, with the linker script in ld/, which has our names itself.
if not env.BoardConfig().get("build.standin.arch", ""):
    env.Append(LINKFLAGS=["tools/hosted.ld"])
