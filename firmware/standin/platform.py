"""PlatformIO's view of the stand-in. It is loaded under the names of the platforms it stands in for."""

from platformio.public import PlatformBase


class Ststm32Platform(PlatformBase):
    """Bare-metal Arm builds with the system's compiler."""

    def is_embedded(self):
        """True: PlatformIO otherwise decides by an uploader package, and there is none here."""
        return True


class Espressif32Platform(Ststm32Platform):
    """RAM images of call0 code for ESP32-S3 simulators."""


class NativePlatform(PlatformBase):
    """Programs of this machine."""

    def is_embedded(self):
        """False: the program runs where it is built."""
        return False
