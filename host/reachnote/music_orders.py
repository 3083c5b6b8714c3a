"""What people set for everybody while a session runs: scene, chord, key, tempo, loudness, and whose music it is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reachnote import allowed, sentences
from reachnote.beside_music import read_steers
from reachnote.chords import parse_chord
from reachnote.harmony import MOST_SHIFT
from reachnote.limits import STAGE, STANDARD, Limits, name_of, named, of_profile, pack_limits
from reachnote.pedals import ACTIONS, PROMPTS
from reachnote.scene import read_scene
from reachnote.song_text import read_song_text
from reachnote.tempo import Tempo

if TYPE_CHECKING:
    from reachnote.session import Session

WANTED = ("pedal", "scene", "chord", "transpose", "tempo", "limits", "client")
"""The orders that it carries out."""


class MusicOrders:
    """Of one session, whose music it sets and whose `limits` it adds to."""

    def __init__(self, session: Session) -> None:
        self.preset = STANDARD
        self._session = session
        self._of_client: dict = {}  # the `music` of the client's profile
        self._asked = STAGE
        self._put: dict[int, dict] = {}  # orders that put other scenes into places of the plan

    def order(self, thing: dict, now: float) -> str:
        """Carry out one of WANTED and say what was done. ValueError and what reads scenes, songs and limits say why not."""
        what, music = thing["order"], self._session.music
        if what == "pedal":
            action = allowed.word("action", thing.get("action"), ACTIONS)
            self._session.asked(action, now)
            return f"Done: {action}."
        if what == "scene":
            scene = read_scene(str(thing.get("text")), str(thing.get("name", "scene")))
            song = read_song_text(str(thing["song"]), scene.song) if thing.get("song") else None
            self._session.put_scene(scene, song, now)
            self._put[music.at] = {key: value for key, value in thing.items() if key != "id"}
            return f"Now: {scene.name}."
        if what == "chord":
            music.harmony.follow(parse_chord(str(thing.get("chord"))))
            return f"The chord is {thing['chord']}."
        if what == "transpose":
            music.harmony.transpose(allowed.whole("by", thing.get("by"), -MOST_SHIFT, MOST_SHIFT))
            return f"Everything is transposed by {music.harmony.shift}."
        if what == "limits":
            return self._limits_order(thing)
        if what == "client":
            return self._client_order(thing, now)
        if not isinstance(music.tempo, Tempo):
            raise ValueError("The tempo is that of the clock which is followed; change it there")
        music.tempo.change(allowed.number("bpm", thing.get("bpm"), 20.0, 300.0), now)
        return f"The tempo is {music.tempo.bpm:g}."

    def _limits_order(self, thing: dict) -> str:
        self.preset = named(str(thing.get("preset")))
        self._session.limits.append(pack_limits(self.preset, preset=True))
        return sentences.guarded(name_of(self.preset), self.preset.loudest)

    def _client_order(self, thing: dict, now: float) -> str:
        """The `music` of a client's profile: limits, transpose, and what was learnt of answers."""
        music = thing.get("music")
        if not isinstance(music, dict):
            raise ValueError("music: an object is needed, {} if there is nothing to say")
        if "limits" in music:
            of_profile(music["limits"] if isinstance(music["limits"], dict) else {"preset": music["limits"]}, "limits of this client")
        transpose = allowed.whole("transpose", music.get("transpose", 0), -36, 36)
        limits = music.get("limits", {})
        steers = read_steers(music.get("steers", {}))
        self._of_client = {**music, "limits": limits if isinstance(limits, dict) else {"preset": limits}}
        if self._session.chains:
            self._session.release_all(now)
        self._session.music.fit({key: value for key, value in music.items() if key not in ("limits", "transpose", "steers")}, transpose)
        self.limit()
        self._session.beside.steer_all(steers, now)
        return "The music keeps to what this client's profile says."

    def limit(self) -> None:
        """Tell the guard what client and scene ask for, where that is another thing now."""
        asked = self._client_limits().within(self._session.music.scene.limits)
        if asked != self._asked:
            self._asked = asked
            self._session.limits.append(pack_limits(asked))

    def _client_limits(self) -> Limits:
        return of_profile(self._of_client["limits"], "the profile") if self._of_client.get("limits") else STAGE

    def present_limits(self) -> list[str]:
        """What a fresh outlet has to be told before it plays; one begins as `standard`."""
        found = [] if self.preset == STANDARD else [pack_limits(self.preset, preset=True)]
        return found if self._asked == STAGE else [*found, pack_limits(self._asked)]

    def present(self) -> list[dict]:
        """From the beginning of the plan to the scene, chord, key and tempo of now."""
        music, harmony = self._session.music, self._session.music.harmony
        found: list[dict] = []
        if self.preset != STANDARD:
            found.append({"order": "limits", "preset": name_of(self.preset)})
        if self._of_client:
            of_client = {key: value for key, value in self._of_client.items() if key != "steers"}
            found.append({"order": "client", "music": {**of_client, **music.facts}})
        found += self._session.beside.present()
        found += [{"order": "pedal", "action": "next-scene"}] * music.at
        if music.at in self._put:
            found.append(self._put[music.at])
        found += [{"order": "pedal", "action": "next-chord"}] * harmony.at
        if harmony.chord is not None and harmony.chord != (harmony.line[harmony.at] if harmony.line else None):
            found.append({"order": "chord", "chord": harmony.chord.name})
        if harmony.shift != music.base:
            found.append({"order": "transpose", "by": harmony.shift})
        if self._session.prompt != PROMPTS[0]:
            found.append({"order": "pedal", "action": f"prompt-{self._session.prompt}"})
        if isinstance(music.tempo, Tempo) and music.tempo.bpm != music.scene.tempo:
            found.append({"order": "tempo", "bpm": music.tempo.bpm})
        return found
