"""Build a real RP2040 MicroPython image from Debian's source packages, for tests on an emulated board.

`python3 tools/firmware_image.py --board RPI_PICO --out FILE.uf2` prints the image's SHA-256 (`--json`: more facts).
The first build takes about a minute and the ARM compiler (installed by apt if you are root); the result is kept in the
cache folder, named by a hash of source versions, compiler version and recipe, so a second call takes under a second.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import struct
import sys
import tempfile

if __package__:
    from . import micropython
    from .micropython import PrivateApt, Unavailable, cache_folder, run
else:
    import micropython
    from micropython import PrivateApt, Unavailable, cache_folder, run

SOURCES = ("micropython", "mbedtls")
SOURCE_DEBS = {"pico-sdk-source": "pico-sdk", "tinyusb-source": "tinyusb"}
TOOLS = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "arm-none-eabi-g++": "libstdc++-arm-none-eabi-newlib",
    "cmake": "cmake",
    "make": "build-essential",
    "gcc": "build-essential",
    "dpkg-source": "dpkg-dev",
}
MANIFEST = 'freeze("$(PORT_DIR)/modules")\ninclude("$(MPY_DIR)/extmod/asyncio")\n'
RECIPE = 1  # raise it when the way of building changes
UF2_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
UF2_FAMILY_RP2040, UF2_HAS_FAMILY, FLASH_START = 0xE48BFF56, 0x2000, 0x10000000


def uf2(binary: bytes, start: int = FLASH_START) -> bytes:
    """A flash image as UF2: 512-byte blocks of 256 payload bytes each (Microsoft's UF2 specification)."""
    count = -(-len(binary) // 256)
    blocks = []
    for number in range(count):
        payload = binary[number * 256 : number * 256 + 256].ljust(256, b"\0")
        head = struct.pack(
            "<8I", *UF2_MAGIC[:2], UF2_HAS_FAMILY, start + number * 256, 256, number, count, UF2_FAMILY_RP2040
        )
        blocks.append(head + payload.ljust(476, b"\0") + struct.pack("<I", UF2_MAGIC[2]))
    return b"".join(blocks)


def sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class ImageBuilder:
    """Builds one board's image. `frozen` are folders of .py files compiled in besides the standard modules."""

    def __init__(self, board: str, cache: pathlib.Path, frozen: tuple[pathlib.Path, ...] = ()):
        self.board, self.folder, self.frozen = board, cache / "firmware", tuple(path.resolve() for path in frozen)
        self.versions_file = self.folder / "sources.json"
        self.versions: dict[str, str] = {}

    def image(self) -> pathlib.Path:
        """Path of the finished image, built if it is not in the cache. Raises Unavailable."""
        if self.versions_file.exists():
            self.versions = json.loads(self.versions_file.read_text())
            if self.path().exists():
                return self.path()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.install_tools()
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="building-") as name:
            work = pathlib.Path(name)
            self.fetch(work)
            if not self.path().exists():
                self.keep(uf2(self.compile(work)))
        return self.path()

    def path(self) -> pathlib.Path:
        return self.folder / f"{self.board}-{self.key()}.uf2"

    def key(self) -> str:
        """12 hex digits that change with anything that could change the image."""
        frozen = [
            (path.name, str(file.relative_to(path)), sha256(file))
            for path in self.frozen
            for file in sorted(path.rglob("*.py"))
        ]
        parts = [RECIPE, self.board, MANIFEST, self.versions, frozen]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]

    def install_tools(self) -> None:
        missing = sorted({package for program, package in TOOLS.items() if not shutil.which(program)})
        if not missing:
            return
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Unavailable(
                f"Building the image needs programs that are missing here: install {' '.join(missing)} "
                "libnewlib-arm-none-eabi, then try again."
            )
        run(["apt-get", "update", "-q"])
        run(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing, "libnewlib-arm-none-eabi"],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )

    def fetch(self, work: pathlib.Path) -> None:
        """Lay out the source trees under work/mp and remember their versions."""
        apt = PrivateApt(work / "apt", suite=micropython.SUITE)
        apt.update()
        apt.get("--download-only", "source", *SOURCES, cwd=work)
        apt.unpack(list(SOURCE_DEBS), work / "debs")
        for name, target in zip(SOURCES, ("mp", "mp/lib/mbedtls"), strict=True):
            dsc = next(work.glob(f"{name}_*.dsc"))
            shutil.rmtree(work / target, ignore_errors=True)
            run(["dpkg-source", "--no-check", "-x", dsc.name, target], cwd=work)
            self.versions[name] = dsc.stem.split("_")[1]
        for package, target in SOURCE_DEBS.items():
            shutil.rmtree(work / "mp/lib" / target, ignore_errors=True)
            shutil.move(work / "debs/usr/src" / target, work / "mp/lib" / target)
            self.versions[package] = next((work / "apt/debs").glob(f"{package}_*.deb")).name.split("_")[1]
        self.versions["compiler"] = run(["arm-none-eabi-gcc", "-dumpversion"]).strip()
        self.versions_file.write_text(json.dumps(self.versions, indent=1))

    def compile(self, work: pathlib.Path) -> bytes:
        """Compile and return the raw flash image."""
        tree = work / "mp"
        port, board, output = tree / "ports/rp2", tree / "ports/rp2/boards" / self.board, work / "build"
        if not board.is_dir():
            raise Unavailable(f"There is no board named {self.board}: try one of {', '.join(self.boards(port))}.")
        (tree / "lib/micropython-lib").mkdir(exist_ok=True)
        (tree / "lib/micropython-lib/README.md").touch()
        manifest = work / "manifest.py"
        manifest.write_text(MANIFEST + "".join(f"freeze({str(path)!r})\n" for path in self.frozen))
        jobs, quiet = f"-j{os.cpu_count() or 1}", self.environment(tree, work)
        run(["make", "-C", str(tree / "mpy-cross"), jobs], env=quiet)
        run(
            [
                "cmake",
                "-S",
                str(port),
                "-B",
                str(output),
                "-DCMAKE_BUILD_TYPE=MinSizeRel",
                "-DPICO_NO_PICOTOOL=1",
                "-DPICO_BOARD=pico",
                f"-DMICROPY_BOARD={self.board}",
                f"-DMICROPY_BOARD_DIR={board}",
                f"-DMICROPY_FROZEN_MANIFEST={manifest}",
                f"-DPICO_SDK_PATH={tree / 'lib/pico-sdk'}",
                f"-DPICO_TINYUSB_PATH={tree / 'lib/tinyusb'}",
            ],
            env=quiet,
        )
        run(["make", "-C", str(output), jobs], env=quiet)
        return (output / "firmware.bin").read_bytes()

    @staticmethod
    def environment(tree: pathlib.Path, work: pathlib.Path) -> dict[str, str]:
        """Build variables that keep the build's date and folder out of the image."""
        date = run(["dpkg-parsechangelog", "-S", "Timestamp"], cwd=tree).strip()
        flags = f"-ffile-prefix-map={work}=/build"
        return {
            **os.environ,
            "SOURCE_DATE_EPOCH": date,
            "CFLAGS": flags,
            "CXXFLAGS": flags,
            "ASMFLAGS": flags,
            "MICROPY_GIT_TAG": "v" + run(["dpkg-parsechangelog", "-S", "Version"], cwd=tree).strip().split("+")[0],
        }

    @staticmethod
    def boards(port: pathlib.Path) -> list[str]:
        return sorted(
            path.name
            for path in (port / "boards").iterdir()
            if (path / "mpconfigboard.cmake").exists() and "2040" in (path / "board.json").read_text()
        )

    def keep(self, image: bytes) -> None:
        part = self.path().with_suffix(f".{os.getpid()}.part")
        part.write_bytes(image)
        os.replace(part, self.path())


def build(
    board: str = "RPI_PICO", cache: pathlib.Path | None = None, frozen: tuple[pathlib.Path, ...] = ()
) -> pathlib.Path:
    """Path of the board's UF2 image in the cache, built first if needed. Raises Unavailable with a sentence."""
    return ImageBuilder(board, cache or cache_folder(), frozen).image()


def cached(board: str = "RPI_PICO", cache: pathlib.Path | None = None) -> pathlib.Path | None:
    """The same if it is there already, else None; never builds or fetches."""
    builder = ImageBuilder(board, cache or cache_folder())
    if not builder.versions_file.exists():
        return None
    builder.versions = json.loads(builder.versions_file.read_text())
    return builder.path() if builder.path().exists() else None


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build a MicroPython image for an RP2040 board and print its SHA-256.")
    parser.add_argument("--board", default="RPI_PICO")
    parser.add_argument("--out", type=pathlib.Path, help="copy the image to this file")
    parser.add_argument(
        "--freeze", type=pathlib.Path, action="append", default=[], help="a folder of .py files to compile in"
    )
    parser.add_argument("--json", action="store_true", help="print path, sum and source versions as JSON")
    choice = parser.parse_args(words)
    builder = ImageBuilder(choice.board, cache_folder(), tuple(choice.freeze))
    if choice.freeze or cached(choice.board) is None:
        print("Making MicroPython from Debian's sources; the first time this takes some minutes.", file=sys.stderr)
    try:
        path = builder.image()
        if choice.out:
            shutil.copyfile(path, choice.out)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"The image could not be written ({error}): set REACHNOTE_CACHE or --out to a place you can write.",
            file=sys.stderr,
        )
        return 1
    facts = {
        "board": choice.board,
        "path": str(path),
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "versions": builder.versions,
    }
    print(json.dumps(facts) if choice.json else facts["sha256"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
