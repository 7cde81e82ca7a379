"""`framework = arduino` without Arduino: the project's own bare-metal port is chosen by one macro."""

from SCons.Script import DefaultEnvironment

DefaultEnvironment().Append(CPPDEFINES=["TINYGEN_STANDIN"])
