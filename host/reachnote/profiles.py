"""The store of profiles: one folder for each client code, one file for each instrument; see protocols/files.md.

    profile = profiles.begin("k7", "Squeeze ball", date)
    profile = profiles.save(with_calibration(profile, "ball", calibration))

A save that is cut short anywhere leaves the old file or the new one. Two programs cannot lose each other's history: who
comes second is refused and looks again, or uses `change`. Every trouble is a ProfileProblem.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from reachnote import disk, runtime, settings
from reachnote.profile import NewerProfile, Profile, ProfileProblem, checked_name, client_code, moved_to, new_profile
from reachnote.profile_text import LARGEST, read_profile, write_profile

DAMAGED = "The file is left as it is. Put a copy of it from an export in its place, or move it away and calibrate anew."
OPEN_AGAIN = "Nothing was overwritten and your last change is not saved: open the profile again and make the change once more."
LONGEST_SLUG = 48
_PLAIN = re.compile(r"[a-z0-9]+( [a-z0-9]+)*")
_FILE = re.compile(r"[a-z0-9][a-z0-9-]*\.json")


def folder() -> Path:
    """The folder of all clients (REACHNOTE_CLIENTS, else reachnote/clients where programs keep files)."""
    named, base = os.environ.get("REACHNOTE_CLIENTS"), os.environ.get("XDG_DATA_HOME")
    if named:
        return Path(named)
    try:
        return (Path(base) if base else Path.home() / ".local" / "share") / "reachnote" / "clients"
    except RuntimeError:
        text = "This account has no home folder, so no profile can be kept. Name a folder in REACHNOTE_CLIENTS."
        raise ProfileProblem(text) from None


def file_name(instrument: str) -> str:
    """squeeze-ball.json for "Squeeze ball". A name that is not only a-z, 0-9 and single spaces gets a mark of its own."""
    name = _same(checked_name(instrument, "instrument"))
    words = re.findall(r"[a-z0-9]+", name)
    slug = "-".join(words)[:LONGEST_SLUG].strip("-") or "instrument"
    if _PLAIN.fullmatch(name) and slug == "-".join(words) and not _is_taken(slug):
        return f"{slug}.json"
    return f"{slug}-{hashlib.sha256(name.encode('utf-8')).hexdigest()[:8]}.json"


def path_of(client: str, instrument: str) -> Path:
    return folder() / client_code(client) / file_name(instrument)


# ---------------------------------------------------------------- looking


def load(client: str, instrument: str) -> Profile | None:
    """The profile of a client on an instrument, None if there is none yet."""
    path = path_of(client, instrument)
    profile = _read(path)
    if profile and (profile.client != client_code(client) or _same(profile.instrument) != _same(instrument)):
        text = f"{path} is the profile of {profile.client} on {profile.instrument}, so it stands in a wrong place. {DAMAGED}"
        raise ProfileProblem(text)
    return profile


def clients() -> list[str]:
    """The codes of every client of whom anything is kept."""
    with _told("The profiles cannot be read"):
        try:
            names = sorted(os.listdir(folder()))
        except FileNotFoundError:
            return []
        return [name for name in names if _is_code(name) and (folder() / name).is_dir()]


def kept(client: str) -> list[tuple[Path, Profile | ProfileProblem]]:
    """Every profile file of a client with what it holds, or with why it cannot be read."""
    found: list[tuple[Path, Profile | ProfileProblem]] = []
    for path in files_of(client):
        try:
            profile = _read(path)
        except ProfileProblem as problem:
            found.append((path, problem))
        else:
            found += [(path, profile)] if profile else []
    return found


def files_of(client: str) -> list[Path]:
    """The profile files of a client, readable or not. ProfileProblem if there is no such client."""
    place = known_folder(client)
    with _told(f"The profiles of {place.name} cannot be read"):
        return [path for path in sorted(place.iterdir()) if _FILE.fullmatch(path.name) and path.is_file()]


def instruments(client: str) -> list[str]:
    """The instruments for which a client has a profile that can be read."""
    return sorted(profile.instrument for _, profile in kept(client) if isinstance(profile, Profile))


def known_folder(client: str) -> Path:
    place = folder() / client_code(client)
    with _told(f"The profiles of {place.name} cannot be read"):
        if place.is_dir():
            return place
    known = ", ".join(clients()) or "none yet"
    raise ProfileProblem(f"There is no client {place.name}, so nothing was done. Clients: {known}.")


# ---------------------------------------------------------------- keeping


def begin(client: str, instrument: str, date: str) -> Profile:
    """The client's profile; without one, their newest of another instrument moved to this one, or a new one. Not saved yet."""
    found = load(client, instrument)
    if found is not None:
        return found
    others = [p for _, p in kept(client) if isinstance(p, Profile)] if client_code(client) in clients() else []
    if others:
        return moved_to(max(others, key=lambda profile: profile.edited), instrument, date)
    return new_profile(client, instrument, date)


def save(profile: Profile) -> Profile:
    """Keep a profile; go on with the one that is answered. Refused if the file changed since the profile was loaded."""
    with _told(f"The profile of {profile.client} on {profile.instrument} was not saved"), disk.locked(folder()) as alone:
        return _put(profile, alone)


def change(client: str, instrument: str, how: Callable[[Profile], Profile]) -> Profile:
    """Load, change with `how` and save in one go, so that no other program comes in between."""
    with _told(f"The profile of {client_code(client)} on {instrument} was not changed"), disk.locked(folder()) as alone:
        profile = load(client, instrument)
        if profile is None:
            raise ProfileProblem(f"{client_code(client)} has no profile for {instrument}, so nothing was changed.")
        changed = how(profile)
        return profile if changed == profile else _put(changed, alone)


def export(client: str, path: Path, further: Iterable[Path] = ()) -> tuple[str, ...]:
    """One new zip with every file of a client and `further` ones (recordings of that client); answers the names in it."""
    place, further = known_folder(client), sorted(further, key=str)
    with _told(f"The export of {place.name} was not written", "choose another name or place"):
        for missing in [found for found in further if not found.is_file()]:
            raise ProfileProblem(f"There is no file {missing}, so nothing was exported. Check its name.")
        if not path.parent.is_dir():
            raise ProfileProblem(f"There is no folder {path.parent}, so nothing was exported. Make it, or choose another.")
        if os.path.lexists(path):
            raise ProfileProblem(f"{path} exists already; an export never overwrites one. Choose another name.")
        inside = [found for found in sorted(place.rglob("*")) if found.is_file() and not found.is_symlink()]
        inside = [found for found in inside if not found.name.startswith(".")]
        entries = _names(inside, f"{place.name}/profiles") + _names(further, f"{place.name}/recordings")
        disk.write_zip(path, entries)
    return tuple(name for name, _ in entries)


def delete(client: str) -> tuple[str, ...]:
    """Everything about a client is gone from reachnote's folders; answers what that was."""
    place = anything_of(client)
    gone = ["the client of the last session"] if _forget(place.name) else []
    with _told(f"The files of {place.name} were not all deleted"):
        if os.path.lexists(place):
            with disk.locked(folder()):
                gone = [*disk.remove(place), *gone]
                disk.sync(folder())
    return tuple(gone)


def anything_of(client: str) -> Path:
    """The place of a client of whom anything is kept. ProfileProblem if nothing is."""
    place, last = folder() / client_code(client), settings.remembered()
    there = os.path.lexists(place) or (last is not None and last.client.lower() == place.name)
    return place if there else known_folder(client)


# ---------------------------------------------------------------- how


def _is_code(name: str) -> bool:
    try:
        return client_code(name) == name
    except ProfileProblem:
        return False


def _same(instrument: str) -> str:
    """One spelling for whatever people take for the same name."""
    return unicodedata.normalize("NFC", instrument.casefold())


def _is_taken(word: str) -> bool:
    """Whether Windows keeps this name to itself."""
    return not _is_code(word) and len(word) < 5


def _names(paths: list[Path], inside: str) -> list[tuple[str, Path]]:
    """A name in the zip for every file: its own, with plain letters; a number tells apart what would be the same."""
    taken: dict[str, Path] = {}
    for path in paths:
        stem, ending = (re.sub(r"[^A-Za-z0-9_-]+", "_", part) for part in (path.stem, path.suffix[1:]))
        name, n = f"{stem[:100]}.{ending[:20]}".rstrip("."), 2
        while name.lower() in map(str.lower, taken):
            name, n = f"{stem[:100]}-{n}.{ending[:20]}".rstrip("."), n + 1
        taken[name] = path
    return [(f"{inside}/{name}", path) for name, path in taken.items()]


def _read(path: Path) -> Profile | None:
    with _told(f"The profile {path} cannot be read"):
        try:
            with open(path, "rb") as file:
                text = file.read(LARGEST + 1)
        except FileNotFoundError:
            return None
    try:
        return read_profile(text, str(path))
    except NewerProfile:
        raise
    except ProfileProblem as problem:
        raise ProfileProblem(f"{problem} {DAMAGED}") from None


def _put(profile: Profile, alone: bool) -> Profile:
    saved = replace(profile, saves=profile.saves + 1)
    text = write_profile(saved)
    path = path_of(profile.client, profile.instrument)
    there = load(profile.client, profile.instrument)
    if there != saved:  # else it was kept before, and only whoever saved it was not told
        _same_as_before(profile, there)
        try:
            disk.make(path.parent)
            disk.write(path, text.encode("ascii"), alone)
        except BaseException:
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # of a new client of whom nothing is kept
            raise
    disk.sync(path.parent)
    return saved


def _same_as_before(profile: Profile, there: Profile | None) -> None:
    who = f"The profile of {profile.client} on {profile.instrument}"
    if there is None and profile.saves:
        text = f"{who} was deleted or moved away since it was opened, so it was not saved again. To begin anew, calibrate again."
        raise ProfileProblem(text)
    if there is None:
        return
    if there.saves != profile.saves or there.history != profile.history[: len(there.history)]:
        raise ProfileProblem(f"{who} was changed by another program since it was opened. {OPEN_AGAIN}")


def _forget(code: str) -> bool:
    """Whether the last session was this client's; it is remembered without a client then."""
    state = runtime.state_folder()
    last = settings.remembered()
    if state is not None:
        with _told("What is remembered of the last session was not deleted"):
            (state / "last.json.new").unlink(missing_ok=True)
    if last is None or last.client.lower() != code:
        return False
    settings.remember(replace(last, client=""))
    again = settings.remembered()
    if again is not None and again.client.lower() == code:
        text = (
            f"The last session still names {code}, because {state} cannot be written. Nothing else was deleted. Make room there."
        )
        raise ProfileProblem(text)
    return True


@contextlib.contextmanager
def _told(what: str, instead: str = "name another folder in REACHNOTE_CLIENTS") -> Iterator[None]:
    """A refusal of the disk as a sentence: what happened, what it means, what to do."""
    try:
        yield
    except OSError as problem:
        raise ProfileProblem(f"{what}: {disk.sentence(problem, instead)}") from None
