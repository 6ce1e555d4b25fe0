"""The binaries, ready to be started, and what each makes if nothing happens to it."""

import commands
import outputs
import pytest
import trials
from programs import Programs


@pytest.fixture(scope="session")
def programs():
    programs = Programs(sorted({*commands.COMMANDS}))
    yield programs
    programs.close()


@pytest.fixture(scope="session")
def whole(programs, write_images, tmp_path_factory):
    """A function of a binary's name to the inputs' folder, its whole `End`, digests."""
    base, ends = tmp_path_factory.mktemp("base"), {}
    commands.write_inputs(base / "sets", write_images)

    def run(name):
        for other in commands.COMMANDS[name][1]:
            run(other)
        if name not in ends:
            # Where all trials are, too: paths from outputs to inputs are in some.
            folder = trials.prepared(base)
            end = trials.run_command(programs, name, folder)
            assert end.code == 0, end.printed
            digests = outputs.digests(folder / "out")
            folder.rename(base / name)
            ends[name] = base, end, digests
            if name == "filtering.cluster":
                commands.write_decisions(base)
        return ends[name]

    return run
