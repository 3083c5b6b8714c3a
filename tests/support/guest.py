"""A machine in a machine: Debian's own kernel under QEMU, with this machine's programs and this project on its disk.

    done = run("tests/guest/usb.py", "5", modules=["dummy_hcd num=2", "cdc-acm"], seconds=60, out=tmp_path)
    assert done.status == 0, done.said

What needs a kernel that may load modules (USB devices, the ALSA sequencer) runs there as root. The guest reads the host's
files and can change none of them: what it writes is gone with it, but for the folder `out`, which it sees as $REACHNOTE_OUT.
It is emulated, never virtualized, so that it runs wherever QEMU does: everything takes about ten times as long.
"""

from __future__ import annotations

import contextlib
import lzma
import os
import platform
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tools.micropython import PrivateApt, Unavailable, cache_folder, own_suite
from tools.micropython import run as command

ROOT = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-x86_64"
PROGRAMS = {QEMU: "qemu-system-x86", "busybox": "busybox-static", "depmod": "kmod"}  # program: its Debian package
KERNEL = "linux-image-amd64"
FIRST_MODULES = ("virtio_pci", "9p", "9pnet_virtio", "overlay")
OUT = "/run/out"
PATHS = ("host", "protocols", "firmware", "tests", ".")

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev /host /top /new
$b mount -t proc proc /proc
for module in {modules}; do $b insmod /$module; done
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
$b mount -t tmpfs top /top
$b mkdir /top/upper /top/work
$b mount -t overlay -o lowerdir=/host,upperdir=/top/upper,workdir=/top/work root /new
cd /new
$b mkdir -p proc sys dev run usr/lib/modules
$b mount -t proc proc proc
$b mount -t sysfs sys sys
$b mount -t devtmpfs dev dev
$b mkdir -p dev/pts dev/shm
$b mount -t devpts -o ptmxmode=666 pts dev/pts
$b mount -t tmpfs shm dev/shm
$b mount -t tmpfs run run
$b mkdir run/out
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none out run/out
$b mount --bind /host{tree}/usr/lib/modules usr/lib/modules 2>/dev/null || $b mount --bind /host{tree}/lib/modules usr/lib/modules
exec $b chroot /new /bin/sh /run/out/run.sh
"""

RUN = """cd {root}
{exports}
(busybox sleep {seconds}; busybox poweroff -f) &
busybox ip link set lo up
{load}
busybox mount -t configfs config /sys/kernel/config 2>/dev/null
{script} >{out}/said 2>&1
echo $? >{out}/status
busybox sync
busybox poweroff -f
"""


class Done(NamedTuple):
    """How a script in the guest ended. `said` is what it printed; its files are in `out`."""

    status: int
    said: str
    out: Path
    seconds: float


def ready() -> Path:
    """The folder with the unpacked kernel (`vmlinux`, `lib/modules`), fetched first if it is not there. Raises Unavailable."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise Unavailable(f"The guest needs an x86_64 machine and this is {platform.machine()}, so its tests are skipped.")
    for program, package in PROGRAMS.items():
        if not shutil.which(program, path=_search_path()):
            raise Unavailable(f"{program} is not on this machine, so the guest's tests are skipped: apt install {package}")
    folder = cache_folder() / "guest"
    there = sorted(folder.glob("*/vmlinux"))
    if there:
        return there[-1].parent
    try:
        return _fetch(folder)
    except OSError as error:
        raise Unavailable(f"The guest's kernel could not be put in {folder} ({error.strerror}): set REACHNOTE_CACHE.") from None


def run(
    script: Path | str,
    *words: str,
    out: Path,
    modules: Sequence[str] = (),
    seconds: float = 60.0,
    environment: dict[str, str] | None = None,
    qemu: Sequence[str] = (),
) -> Done:
    """Start a guest, load `modules` ("name option=value"), run `script` (Python, or any program) with `words` and end it.

    `out` must exist; `qemu` are more words for QEMU's command line. Raises Unavailable when there can be no guest,
    TimeoutError when the script did not end within `seconds` after the start.
    """
    kernel = ready()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reachnote-guest-") as work:
        initrd = Path(work) / "initrd"
        initrd.write_bytes(archive(_first_files(kernel)))
        (out / "run.sh").write_text(_run_text(Path(script), words, modules, seconds, environment or {}))
        said = _boot(kernel / "vmlinux", initrd, out, seconds, qemu)
    try:
        status = int((out / "status").read_text())
    except (OSError, ValueError):
        printed = _text(out / "said")
        raise TimeoutError(f"The guest ended without a result.\nKernel: {said[-2000:]}\nScript: {printed[-4000:]}") from None
    return Done(status, _text(out / "said"), out, time.monotonic() - started)


def _boot(vmlinux: Path, initrd: Path, out: Path, seconds: float, more: Sequence[str]) -> str:
    """What the guest's kernel said until it switched itself off, or was switched off after `seconds`."""
    shared = "security_model=none,multidevs=remap"
    argv = [
        QEMU, "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024",
        "-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio",
        "-kernel", str(vmlinux), "-initrd", str(initrd), "-append", "console=ttyS0 panic=-1 quiet",
        "-fsdev", f"local,id=host,path=/,readonly=on,{shared}", "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
        "-fsdev", f"local,id=out,path={out},{shared}", "-device", "virtio-9p-pci,fsdev=out,mount_tag=out",
        "-device", "virtio-rng-pci", *more,
    ]  # fmt: skip
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return said.decode(errors="replace")


def _run_text(script: Path, words: Sequence[str], modules: Sequence[str], seconds: float, more: dict[str, str]) -> str:
    program = ROOT / script
    argv = [str(program), *words]
    if program.suffix == ".py":
        argv = [sys.executable, *argv]
    variables = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), _search_path()]),
        "HOME": os.environ.get("HOME", "/root"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in PATHS),
        "REACHNOTE_CACHE": str(cache_folder()),
        "REACHNOTE_OUT": OUT,
        **more,
    }
    return RUN.format(
        root=shlex.quote(str(ROOT)),
        exports="\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
        seconds=int(seconds) + 5,
        load="\n".join(f"modprobe {module} || exit" for module in modules),
        script=shlex.join(argv),
        out=OUT,
    )


def _search_path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace")
    return ""


# ---------------------------------------------------------------- the kernel


def _fetch(folder: Path) -> Path:
    """Download the kernel package of this machine's own Debian release and unpack it into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetching-") as work:
        apt = PrivateApt(Path(work) / "apt", "amd64", own_suite())
        apt.update()
        names = [line.split()[-1] for line in apt.cache("depends", KERNEL).splitlines() if "Depends: linux-image-" in line]
        if not names:
            raise Unavailable(f"This machine's release has no package {KERNEL}, so the guest's tests are skipped.")
        root = Path(work) / "root"
        apt.unpack(names[:1], root)
        version = names[0].removeprefix("linux-image-")
        command(["depmod", "-b", str(root), version], env={**os.environ, "PATH": _search_path()})
        shutil.rmtree(root / "usr" / "share", ignore_errors=True)
        (root / "vmlinux").write_bytes(unpacked((root / "boot" / f"vmlinuz-{version}").read_bytes()))
        with contextlib.suppress(OSError):  # another process was quicker: take its copy
            os.rename(root, folder / version)
    return folder / version


def unpacked(kernel: bytes) -> bytes:
    """The kernel inside a bzImage, which starts in half the time; the image itself when it is packed in an unknown way."""
    offset, length = struct.unpack_from("<II", kernel, 0x248)
    base = (kernel[0x1F1] + 1) * 512 + offset
    try:
        return lzma.LZMADecompressor().decompress(kernel[base : base + length])
    except lzma.LZMAError:
        return kernel


def _first_files(kernel: Path) -> Iterable[tuple[str, int, bytes]]:
    """What the guest starts from, before it sees the host's files: (name, mode, content)."""
    version = kernel.name
    words = ["modprobe", "-d", str(kernel), "-S", version, "--show-depends", "-a", *FIRST_MODULES]
    lines = command(words, env={**os.environ, "PATH": _search_path()}).splitlines()
    modules = list(dict.fromkeys(line.split()[1] for line in lines if line.startswith("insmod ")))
    yield "bin", 0o040755, b""
    yield "bin/busybox", 0o100755, Path(str(shutil.which("busybox", path=_search_path()))).read_bytes()
    for module in modules:
        yield Path(module).name, 0o100644, Path(module).read_bytes()
    init = INIT.format(modules=" ".join(Path(module).name for module in modules), tree=shlex.quote(str(kernel)))
    yield "init", 0o100755, init.encode()


def archive(files: Iterable[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive as the kernel reads it ("newc")."""
    packed = bytearray()
    for number, (name, mode, content) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        packed += b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
        packed += b"\0" * (-len(packed) % 4) + content
        packed += b"\0" * (-len(packed) % 4)
    return bytes(packed)
