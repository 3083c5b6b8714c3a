"""Every file of the outputs family keeps the family's contract. New files are found without being named here."""

import inspect
import pathlib
import pkgutil

import pytest

from reachnote import outputs
from reachnote.model import Event, Kind, note_off, note_on, order
from reachnote.outputs import OutputProblem

FILES = sorted(info.name for info in pkgutil.iter_modules(outputs.__path__) if not info.name.startswith("_"))
MODULES = [pytest.param(module, id=scheme) for scheme, module in sorted(outputs.schemes().items())]
ODD = [
    note_on(1, 60, 64, 0, 0.0),
    note_off(16, 0, 65535, 1.0),
    note_on(0, 60, 64, 0, 0.0),
    note_on(17, 300, -5, 0, -1.0),
    Event(Kind.BEND, 1, 127, 127, 1, 1, 0.0),
    Event(Kind.PRESSURE, 1, 127, 0, 1, 1, 0.0),
    Event(Kind.PROGRAM, 1, 5, 0, 1, 1, 0.0),
    Event(Kind.CONTROL, 1, 123, 0, 1, 1, 0.0),
    Event(Kind.LEVEL, 0, 127, 127, 1, 1, 0.0),
    Event(99, 1, 1, 1, 1, 1, 0.0),
    order(Kind.NAME, 0.0, 3),
    order(Kind.BEAT, 0.0),
]


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    """Relative paths of examples land in a folder of the test; no MIDI system and no sound system is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "reachnote-no-such-server")
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def opened(module):
    """The output of the module's own example, skipped where what it needs is not installed."""
    scheme, target, options = outputs.parse(module.EXAMPLE)
    assert scheme == module.SCHEME
    try:
        return module.open_output(target, options, "reachnote")
    except OutputProblem as problem:
        assert "install" in str(problem).lower(), problem
        pytest.skip(str(problem))


def is_a_sentence(text):
    return len(text) > 30 and text[-1] in ".)" and text[0] != " " and "Traceback" not in text and "Errno" not in text


def test_the_schemes_that_people_know_are_there():
    assert {"midi", "raw", "file", "sound"} <= set(outputs.schemes())


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_a_leading_underscore_is_an_output_with_its_own_scheme(name):
    assert name == outputs.schemes()[name].SCHEME


@pytest.mark.parametrize("module", MODULES)
def test_scheme_example_and_says_are_for_people(module):
    assert module.EXAMPLE.startswith(module.SCHEME + ":")
    assert 10 < len(module.SAYS) < 130
    assert "\n" not in module.SAYS + module.EXAMPLE


@pytest.mark.parametrize("module", MODULES)
def test_open_output_takes_target_options_name(module):
    assert list(inspect.signature(module.open_output).parameters) == ["target", "options", "name"]


@pytest.mark.parametrize("module", MODULES)
def test_a_target_that_can_never_be_is_refused_with_a_sentence(module, somewhere):
    with pytest.raises(OutputProblem) as problem:
        module.open_output("\0", {}, "reachnote")
    assert is_a_sentence(str(problem.value))


@pytest.mark.parametrize("module", MODULES)
def test_an_unknown_option_is_refused_by_its_name(module, somewhere):
    _, target, _ = outputs.parse(module.EXAMPLE)
    with pytest.raises(OutputProblem, match="nonsense"):
        module.open_output(target, {"nonsense": "1"}, "reachnote")


@pytest.mark.parametrize("module", MODULES)
def test_send_never_raises_before_or_after_close_and_close_may_come_twice(module, somewhere):
    output = opened(module)
    assert isinstance(output.wants_levels, bool)
    for event in ODD:
        assert output.send(event, "a name é") is None
    output.beat(0.0)
    output.beat(10.0)
    trouble = output.trouble()
    assert trouble is None or is_a_sentence(trouble)
    assert output.lost_and_found() in (True, False)
    assert output.lost_and_found() is False
    output.close()
    output.close()
    output.send(ODD[0])
    assert isinstance(output.dropped, int)
    assert output.lost_and_found() is False


@pytest.mark.parametrize("module", MODULES)
def test_importing_an_output_imports_no_library(module):
    """A missing library costs only its own output: module level imports are the project's and Python's own."""
    import ast
    import sys

    tree = ast.parse(pathlib.Path(module.__file__).read_text())
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    assert names <= set(sys.stdlib_module_names) | {"reachnote"}


def test_a_spec_without_a_known_scheme_names_what_is_allowed():
    with pytest.raises(OutputProblem, match=r"raw:/dev/ttyUSB0,pace=31250"):
        outputs.open_output("mdi:virtual")
