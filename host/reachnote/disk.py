"""Files that are whole or not there, kept by one program at a time, and sentences for when the disk refuses."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

WAIT_S = 5.0  # for another program that is saving
_TEMP = ".new"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def make(place: Path) -> None:
    """A folder that nobody else can read."""
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
        sync(place.parent)
    if place.stat().st_mode & 0o077 and os.name == "posix":
        os.chmod(place, 0o700)


def write(path: Path, text: bytes, alone: bool) -> None:
    """All of the file or nothing of it: a new file beside the old one takes its place when it is on the disk."""
    if alone:  # what a cut left behind
        for old in path.parent.glob(f".*{_TEMP}"):
            old.unlink()
    new = _beside(path)
    fd = os.open(new, _NEW, 0o600)
    try:
        try:
            while text:
                text = text[os.write(fd, text) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise


def sync(place: Path) -> None:
    """The names in a folder are on the disk as well; without a word where a system cannot do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(fd)


def remove(place: Path) -> list[str]:
    """Every file under `place` and the folder itself; links are removed, never followed."""
    gone: list[str] = []
    if place.is_symlink() or not place.is_dir():
        place.unlink()
        return [place.name]
    for here, folders, files in os.walk(place, topdown=False):
        for name in sorted(files) + sorted(folders):
            path = Path(here) / name
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
                gone.append(shown(path.relative_to(place.parent)))
    place.rmdir()
    return gone or [place.name]


def shown(path: Path) -> str:
    """A path that can be printed, whatever its name is."""
    return path.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def write_zip(path: Path, entries: Iterable[tuple[str, Path]]) -> None:
    """A new zip of files under the names given, the same bytes for the same files; never in place of another file."""
    new = _beside(path)
    try:
        with open(os.open(new, _NEW, 0o600), "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
                for name, source in entries:
                    _pack(packed, name, source)
            file.flush()
            os.fsync(file.fileno())
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    sync(path.parent)


def _pack(packed: zipfile.ZipFile, name: str, source: Path) -> None:
    info = zipfile.ZipInfo(name)  # of 1 January 1980: when a file was touched is nobody's business
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system, info.external_attr = 3, 0o600 << 16
    with open(source, "rb") as file, packed.open(info, "w", force_zip64=True) as inside:
        shutil.copyfileobj(file, inside, 1 << 20)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem[:100]}.{os.getpid()}{_TEMP}")


@contextlib.contextmanager
def locked(place: Path) -> Iterator[bool]:
    """One program at a time in `place`, by an empty file. False where the system has no such locks."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if fcntl is None:
        yield False
        return
    fd = os.open(place / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _lock(fd)
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    end = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        except OSError as problem:
            if problem.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):  # a network disk without locks
                return False
            raise


def sentence(problem: OSError, instead: str) -> str:
    """What a refusal of the disk means and what to do; `instead` is what else could be done about a place."""
    where = f" ({problem.filename})" if problem.filename else ""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full. What was kept before is still there. Make room on the disk and try again."
    if problem.errno == errno.EROFS:
        return f"the disk is read-only{where}. What was kept before is still there. Make it writable, or {instead}."
    if problem.errno in (errno.EACCES, errno.EPERM):
        return f"this account may not use that place{where}. Allow it, or {instead}."
    if problem.errno == errno.EEXIST:
        return f"something else is there already{where} and was left as it is. Move it away, or {instead}."
    if isinstance(problem, BlockingIOError):
        return "another reachnote has been saving for too long. What was kept before is still there. Close it and try again."
    return f"{problem.strerror or problem}{where}. What was kept before is still there. Mend that and try again."
