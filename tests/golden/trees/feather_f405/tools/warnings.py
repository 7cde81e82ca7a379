# Warnings are not errors here. Who wants them to be sets TINYGEN_WERROR=1 (as tinygen's own CI does) or writes
# `custom_werror = yes` into platformio.ini. Only this project's files are meant, never a framework's.
import os
from pathlib import Path

Import("env")

STRICT = ["-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]
OWN = [Path(env.subst("$PROJECT_DIR")).resolve() / name for name in ("src", "lib/tinygen", "runtime")]


def strict(env, node):
    """Compile one of our own C++ files with every warning an error."""
    source = Path(node.srcnode().get_abspath()).resolve()
    if source.suffix != ".cpp" or not any(folder in source.parents for folder in OWN):
        return node
    return env.Object(node, CCFLAGS=[*env["CCFLAGS"], *STRICT])


wanted = os.environ.get("TINYGEN_WERROR") or env.GetProjectOption("custom_werror", "")
if wanted.lower() in ("1", "yes", "true", "on"):
    env.AddBuildMiddleware(strict)
