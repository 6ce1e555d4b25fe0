"""Every binary of the project has a small command to kill, or a reason why not."""

import commands
import project
import pytest

from flags import binary


def test_every_binary_has_a_command_or_a_reason():
    without = commands.WRITES_NOTHING.keys() | commands.UNTIL_STOPPED.keys()
    assert not without & commands.COMMANDS.keys()
    assert without | commands.COMMANDS.keys() == set(project.BINARIES)


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_commands_have_flags_that_there_are_and_write_to_out_alone(name):
    settings = binary.parse(name, commands.words(name))
    outputs = {"output_dir", "model_dir", "output_csv", "output_json", "output_html"}
    places = [
        value
        for flag, value in settings.items()
        if flag in outputs and isinstance(value, str) and not value.startswith("base/")
    ]
    assert places and all(place.split("/")[0] == "out" for place in places)


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_commands_read_outputs_of_commands_before_them(name):
    flags, needs = commands.COMMANDS[name]
    before = list(commands.COMMANDS)[: list(commands.COMMANDS).index(name)]
    read = {
        n
        for n in commands.COMMANDS
        if f"base/{n}/" in " ".join(map(str, flags.values()))
    }
    assert read <= set(needs) and set(needs) <= set(before)
