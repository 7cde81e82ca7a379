"""`framework = ...` without the framework: the project's own bare-metal port is chosen by one macro."""

from pathlib import Path

from SCons.Script import DefaultEnvironment

env = DefaultEnvironment()
env.Append(CPPDEFINES=["TINYGEN_STANDIN"])
runtime = Path(env.subst("$PROJECT_DIR"), "runtime", "src")
if runtime.is_dir():  # ESP-IDF's projects name these files in src/CMakeLists.txt
    env.BuildSources("$BUILD_DIR/runtime", str(runtime))
