"""Any order of lines, losses, cuts, replugs, stalls and silences: at the end nothing sounds, and every on had its off."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

import reachnote_wire as wire
from reachnote.model import Kind
from reachnote.session import STALE_S
from support.boards import DISTANCE, PRESSURE, SWITCH
from support.invented import InventedBoard, Table

SETS = ([SWITCH] * 8, [SWITCH, PRESSURE], [PRESSURE, DISTANCE, SWITCH], [{"kind": "impact"}, SWITCH], [PRESSURE] * 8)
ALL = "format = 1\n[[voice]]\nfor = 'all'\n"
ZONES = ALL + "play = 'zones'\nnotes = 3\nvelocity = 100\n[[voice]]\nfor = 'switch'\noutputs = ['one']\nnotes = 1\n"
SHARED = (
    ALL
    + "notes = 1\n"
    + "".join(f"[[voice]]\nsensor = '{s}'\noutputs = ['{o}']\nnotes = 1\n" for s, o in (("s6", "one"), ("s7", "two")))
)
SCENES = (ALL + "velocity = 127\n", ZONES, SHARED)


class NeverHanging(RuleBasedStateMachine):
    """Three boards at one table; the receiver counts what reaches each of three outputs."""

    @initialize(scene=st.sampled_from(SCENES), sets=st.tuples(*[st.sampled_from(SETS)] * 3))
    def begin(self, scene, sets):
        self.table = Table(outputs=("one", "two", "three"), scene=scene)
        self.boards = [
            InventedBoard(self.table, f"b{n}", list(kinds), zero_us=(1 << 30) - 2_000_000) for n, kinds in enumerate(sets)
        ]
        self.kept: list[tuple[InventedBoard, bytes, float]] = []
        for board in self.boards:
            board.plug()
        self.table.run(0.3)

    boards_drawn = st.integers(0, 2)
    seconds = st.sampled_from([0.004, 0.02, 0.06, 0.08, 0.2])

    def plugged(self, n: int) -> InventedBoard | None:
        board = self.boards[n]
        return board if board.link >= 0 else None

    # ------------------------------------------------------------ clients

    @rule(n=boards_drawn, sensor=st.integers(0, 7), pressed=st.booleans(), send=st.booleans())
    def press(self, n, sensor, pressed, send):
        board = self.boards[n]
        sensor %= len(board.sensors)
        if board.sensors[sensor]["kind"] == "switch":
            board.press(sensor, pressed, send and board.link >= 0)

    @rule(n=boards_drawn, sensor=st.integers(0, 7), raw=st.sampled_from([0, 50, 120, 260, 400, 500, 800, 1000, 0xFFFFFF]))
    def move(self, n, sensor, raw):
        board = self.boards[n]
        board.move(sensor % len(board.sensors), raw)

    @rule(n=boards_drawn, sensor=st.integers(0, 7), status=st.integers(0, 12))
    def status(self, n, sensor, status):
        board = self.boards[n]
        board.packer.status[sensor % len(board.sensors)] = status

    # ------------------------------------------------------------ lines

    @rule(n=boards_drawn)
    def keep(self, n):
        """A line that was packed and is on its way (or lost)."""
        if self.plugged(n):
            self.kept.append((self.boards[n], self.boards[n].line(), self.table.now))
            del self.kept[:-20]

    @rule(which=st.integers(0, 19), again=st.booleans())
    def deliver(self, which, again):
        """A kept line arrives: late, out of order, perhaps twice."""
        if not self.kept:
            return
        board, line, _ = self.kept[which % len(self.kept)]
        if not again:
            self.kept.pop(which % len(self.kept))
        if board.link >= 0:
            board.send(line)

    @precondition(lambda self: self.kept)
    @rule()
    def deliver_all_too_late(self):
        """A backlog: whatever it says, it starts nothing."""
        self.table.asleep(max(self.kept[-1][2] + STALE_S + 0.01 - self.table.now, 0.0))
        before = len(self.table.receiver.heard)
        for board, line, at in self.kept:
            if board.link >= 0 and board.fresh > 5 and self.table.now - at > STALE_S:
                board.send(line)
        self.kept.clear()
        assert [e for e in self.table.receiver.heard[before:] if e.kind == Kind.NOTE_ON] == []

    @rule(n=boards_drawn, at=st.integers(0, 40), bit=st.integers(0, 7))
    def damage(self, n, at, bit):
        if board := self.plugged(n):
            line = bytearray(board.line())
            line[at % len(line)] ^= 1 << bit
            board.send(bytes(line))

    @rule(n=boards_drawn, noise=st.binary(max_size=30))
    def noise(self, n, noise):
        if board := self.plugged(n):
            board.send(noise)

    # ------------------------------------------------------------ boards

    @rule(n=boards_drawn)
    def unplug(self, n):
        if board := self.plugged(n):
            board.unplug()

    @rule(n=boards_drawn, network=st.booleans())
    def plug(self, n, network):
        if not self.plugged(n):
            self.boards[n].plug(network)

    @rule(n=boards_drawn, streams=st.booleans())
    def quiet(self, n, streams):
        self.boards[n].streams = streams

    @rule(n=boards_drawn)
    def reset(self, n):
        self.kept = [k for k in self.kept if k[0] is not self.boards[n]]
        self.boards[n].reset()

    @rule(n=boards_drawn, other=boards_drawn)
    def another_board_answers(self, n, other):
        if board := self.plugged(n):
            board.uid = f"b{other}"
            board.hello()

    # ------------------------------------------------------------ the computer and the therapist

    @rule(seconds=seconds)
    def run(self, seconds):
        self.table.run(seconds)

    @rule(seconds=st.sampled_from([0.03, 0.1, 0.45, 10.0]))
    def sleep(self, seconds):
        self.table.asleep(seconds)

    @rule(how=st.sampled_from(["silence", "silence twice", "scene ends"]))
    def everything_ends(self, how):
        """Silence ends all notes, and what is held then starts nothing."""
        self.table.run(0.02)
        if how == "scene ends":
            self.table.session.release_all(self.table.now)
        else:
            self.table.session.silence(self.table.now, how == "silence twice")
        self.table.drain()
        assert self.sounding() == []
        self.table.run(0.1)
        assert self.sounding() == []

    # ------------------------------------------------------------ what must hold

    def sounding(self) -> list:
        return [self.table.receiver.sounding(output) for output in range(3) if self.table.receiver.sounding(output)]

    @invariant()
    def nothing_is_loud_and_nothing_ends_twice(self):
        receiver = self.table.receiver
        assert receiver.loudest <= 90
        assert all(0 <= n <= 1 for n in receiver.unpaired().values())

    def teardown(self):
        if not hasattr(self, "table"):
            return
        for board in self.boards:  # everybody lets go
            for n, sensor in enumerate(board.sensors):
                if sensor["kind"] == "switch" and board.pressed[n]:
                    board.press(n, False, send=False)
                elif sensor["kind"] != "switch":
                    board.move(n, 500 if sensor["kind"] == "distance" else 0, wire.OK)
        self.table.run(1.7)
        assert self.sounding() == []
        assert self.table.receiver.unpaired() == {}
        assert self.table.ledger.sounding() == []


def check(examples: int, steps: int = 30) -> None:
    run_state_machine_as_test(
        NeverHanging,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)
def test_no_note_hangs_in_any_interleaving():
    check(80)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_note_hangs_in_ten_thousand_interleavings():
    check(10_000)
