"""Runs the experiment that a configuration describes, or continues it.

python -m workflow.run --configuration=workflow/demo.yaml --output_dir=demo
"""

if __name__ == "__main__":
    from flags import binary

    binary.run("workflow.run")

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from dataset.errors import UserError
from flags import binary
from workflow import cluster_jobs, display, launch, lock, results

LOGS = "logs"
SNAKEMAKE_LOG = "snakemake.log"
# Ours (configuration_types.smk), and Snakemake's own of a file that is no YAML.
REFUSAL = re.compile(
    r"^(?:ConfigurationError in .*:\n|WorkflowError:\n(?=Config file))(.+)",
    re.MULTILINE,
)
SECONDS_BETWEEN_LOOKS = 0.5  # At the logs of steps that are at work.
SECONDS_TO_BEGIN = 5  # A younger step is still importing TensorFlow.


def run_workflow(
    configuration,
    output_dir,
    *,
    brats_dir,
    images_dir=None,
    snakemake,
    cores,
    retrain,
    dry_run,
    profile=None,
    gpus=(),
):
    """Runs every step that is not finished; arguments as the flags.

    Raises:
      UserError: a file or Snakemake is not there, another run works in the folder,
        or a step failed.
    """
    if not os.path.exists(configuration):
        raise UserError(f"--configuration={configuration}: not found.")
    command = launch.command_line(snakemake, configuration, output_dir, cores)
    if profile:
        if not os.path.exists(profile):
            raise UserError(f"--profile={profile}: not found.")
        command.append(f"--profile={os.path.abspath(profile)}")
    if gpus:
        command += ["--resources", f"gpu={len(gpus)}"]
    os.environ["PROJECT_GPUS"] = ",".join(gpus)
    cases = case_folder(brats_dir, images_dir)
    command += ["--config", f"dry_run={dry_run}", *cases]
    os.environ["START_OVER"] = start_over = "--start_over" if retrain else ""
    if dry_run:
        check_plan(command, configuration, output_dir, cores, start_over)
        return
    os.makedirs(output_dir, exist_ok=True)
    lock_path = os.path.join(output_dir, ".lock")
    lock.take(lock_path)
    end_cluster_jobs(output_dir, profile)
    code, on_request, failures = call(command, lock_path)
    if profile:
        end_cluster_jobs(output_dir, profile)
    log_path = os.path.join(output_dir, SNAKEMAKE_LOG)
    if code and not on_request:
        check_refusal(pathlib.Path(log_path).read_text(), configuration)
        print("\n".join(failures or end_of_log(log_path)), flush=True)
    if code:
        refused = (
            "; with --retrain also where a training whose settings or images have"
            " changed was refused"
        )
        raise UserError(
            f"stopped before the end; what is finished stays in {output_dir}, and the"
            f" same command continues from there{'' if on_request else refused}. Logs"
            f" of all steps: {os.path.join(output_dir, LOGS)}; Snakemake's: {log_path}."
        )


def case_folder(brats_dir, images_dir):
    """What replaces the configuration's cases: key=value, one of them empty.

    Raises:
      UserError: both are given, or a folder is not there.
    """
    given = {"brats_dir": brats_dir, "images_dir": images_dir}
    if brats_dir and images_dir:
        raise UserError(
            f"--brats_dir={brats_dir} --images_dir={images_dir}: expected one of them."
        )
    for flag, folder in given.items():
        if folder and (flag, folder) != ("brats_dir", results.PHANTOM):
            if not os.path.isdir(folder):
                raise UserError(f"--{flag}={folder}: no such folder.")
            given[flag] = os.path.abspath(folder)
    return [f"{k}={v or ''}" for k, v in given.items()] if any(given.values()) else []


def end_cluster_jobs(output_dir, profile):
    """Ends jobs that a run has left in the folder.

    Raises:
      UserError: Slurm does not answer, and the profile is one for it. Without one,
        there may be its programs and no cluster.
    """
    try:
        cluster_jobs.end(output_dir)
    except cluster_jobs.ClusterError as error:
        if profile and is_for_slurm(profile):
            raise UserError(
                f"--profile={profile}: {error}; whether jobs still write in"
                f" {output_dir} is not known; try again when the cluster answers."
            ) from error


def is_for_slurm(profile):
    """Whether one of a profile's files gives the steps to Slurm."""
    texts = [path.read_text() for path in pathlib.Path(profile).glob("*.yaml")]
    return bool(re.search(r"^executor:\s*slurm\b", "\n".join(texts), re.MULTILINE))


def check_plan(command, configuration, output_dir, cores, start_over):
    """Shows how many steps there are, and checks that each could run.

    Raises:
      UserError: Snakemake has no plan, or steps could not run.
    """
    # Import of TensorFlow: some seconds that only this way costs.
    from workflow import plan, preflight

    process = launch.start(
        [*command, "--d3dag"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    text, errors = process.communicate()
    if process.returncode:
        check_refusal(errors, configuration)
        _, _, reason = errors.partition("Building DAG of jobs...")
        print((reason or errors).strip(), file=sys.stderr)
        raise UserError(f"--configuration={configuration}: no plan; see above.")
    try:
        steps = plan.read_plan(text, start_over)
    except ValueError as error:  # Of shlex.
        raise UserError(f"a command line of `refiners`: {error}.") from error
    print(plan.counts(steps) or "Nothing to be done.", flush=True)
    wrong, notes = preflight.check(steps, binary.parse, output_dir, cores)
    for note in notes:
        print(f"Note: {note}")
    if wrong:
        print(*wrong, sep="\n", file=sys.stderr)
        raise UserError(f"{len(wrong)} of these steps cannot run; why is above.")
    print(f"{len(steps)} steps, and nothing wrong with their flags, files and sizes.")


def call(command, lock_path):
    """Runs Snakemake to its end, in the lock's folder, and shows what its steps do.

    Args:
      command: its command line.
      lock_path: path of the lock, which every step has on standard input.

    Returns:
      Its exit code, whether it was stopped on a signal to this process, and lines
      about the steps that failed.
    """
    folder = os.path.dirname(lock_path)
    logs, log_path = (os.path.join(folder, name) for name in (LOGS, SNAKEMAKE_LOG))
    print(f"Everything that steps print: {logs}; that Snakemake does: {log_path}.")
    sys.stdout.flush()
    with display.Display(logs, log_path) as shown:
        received = kill_on_signals(started := [])
        with open(log_path, "w") as log:
            process = launch.start(command, stdout=log, stderr=log, cwd=folder)
        started.append(process)
        lock.write_runners(lock_path, os.getpid(), process.pid)
        if received:  # Before there was anything to kill.
            process.kill()
        while process.poll() is None:
            shown.update()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS_BETWEEN_LOOKS)
        # Ctrl+C, or the end of a terminal, has reached every process of it by itself,
        # and steps take a second signal for an order to end without saving. What began
        # at that moment may have missed it, and has nothing to save yet.
        if process.returncode < 0:
            steps = lock.processes_on(lock_path)
            by_terminal = {signal.SIGINT, signal.SIGHUP} & {*received}
            young = [p for p in steps if lock.age(p) < SECONDS_TO_BEGIN]
            end = young if by_terminal else steps
            lock.end(end)
            if steps:
                shown.say("Waiting for the steps at work to save their state ...")
        while lock.processes_on(lock_path):
            shown.update()
            time.sleep(0.2)
    return process.returncode, bool(received), shown.failures()


def kill_on_signals(processes):
    """Kills a list of processes, Snakemake, on a signal; returns a list of the signals.

    Signals can leave Snakemake waiting for ever for a lock of its own. What it would
    tidy up, `launch.command_line` does without.
    """
    received = []

    def kill(number, frame):
        received.append(number)
        for process in processes:
            process.kill()

    signal.signal(signal.SIGTERM, kill)
    for number in (signal.SIGINT, signal.SIGHUP):
        # A shell's background jobs and nohup's ignore them, and so do the steps.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, kill)
    return received


def check_refusal(text, configuration):
    """Says in one line what of a configuration Snakemake has refused, if it was that.

    Args:
      text: what Snakemake printed.
      configuration: path of the configuration.

    Raises:
      UserError: it was.
    """
    if refusal := REFUSAL.search(text):
        raise UserError(f"--configuration={configuration}: {refusal[1]}")


def end_of_log(path):
    """The last lines of Snakemake's log, for what no step has said itself."""
    with open(path) as file:
        text, _, _ = file.read().partition("\nShutting down")
    text = text or "nothing: it was killed, perhaps since memory ran out."
    return [f"The end of {path}:", *(f"  {line}" for line in text.splitlines()[-20:])]


def main(settings):
    run_workflow(**settings)
    if not settings["dry_run"]:
        results.show(settings["output_dir"])
