"""Plans many configurations: imports Snakemake once, and forks for each.

For Snakemake's Python. It reads lines of JSON, a list of arguments and the file for the
output (with .err: for the errors), and prints the exit code of each.
"""

import json
import os
import sys

try:
    from snakemake.cli import main
except ImportError:  # Version 7, the last for Python 3.10.
    from snakemake import main

for line in sys.stdin:
    arguments, path = json.loads(line)
    if not (child := os.fork()):
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        errors = os.open(path + ".err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, file in enumerate((nothing, output, errors)):
            os.dup2(file, number)
        main(arguments)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
