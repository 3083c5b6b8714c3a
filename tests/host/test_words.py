"""A command that is written wrongly is one sentence with the nearest word, and exit code 2."""

from __future__ import annotations

import pytest

from reachnote.__main__ import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plai"], "There is no 'plai'; write one of: play, watch, "),
        (["adjust", "easyer"], "There is no 'easyer'; write one of: easier, harder, "),
        (["clients", "restore", "k7"], "This command is not right: the following arguments are required: NUMBER|DATE."),
        (["play", "--outt", "x"], "This command is not right: unrecognized arguments: --outt x."),
    ],
)
def test_one_sentence_says_what_is_wrong(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert told.count("\n") == 1


def test_the_nearest_word_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["adjust", "hardr"])
    assert "Did you mean 'harder'?" in capsys.readouterr().err
