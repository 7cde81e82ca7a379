# Runs after the image is made (post:) and lists what an uploader has to write where: firmware, boot loader, partitions.
# `tinygen flash` gives the list to esptool; `pio run -t upload` does not need it.
import json
from pathlib import Path

Import("env")


def write_list(target, source, env):
    folder = Path(env.subst("$BUILD_DIR"))
    images = [(env.subst(offset), Path(env.subst(path))) for offset, path in env.get("FLASH_EXTRA_IMAGES", [])]
    images.append((env.subst("$ESP32_APP_OFFSET"), Path(str(target[0]))))
    names = [[offset, path.name if path.parent == folder else str(path.resolve())] for offset, path in images]
    (folder / "flash_images.json").write_text(json.dumps(names, indent=1) + "\n")


# Only vendor builds know these places; the offline stand-in makes an image for simulators.
if env.get("ESP32_APP_OFFSET"):
    env.AddPostAction("$BUILD_DIR/${PROGNAME}.bin", write_list)
