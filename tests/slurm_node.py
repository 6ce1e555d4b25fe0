"""A Slurm of one node, this machine, for as long as it is expected.

Wants root and Debian's packages slurm-wlm and munge. Its devices of type GPU are files
like /dev/null: what is tried is who gets which, not what it does with it.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import time

CONFIGURATION_LINK = pathlib.Path("/etc/slurm/slurm.conf")
NUM_GPUS = 8
CONFIGURATION = """
ClusterName=trial
SlurmctldHost={host}
SlurmUser=root
SlurmctldPort={port}
SlurmdPort={next_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=1,sched_interval=2
MinJobAge=86400
KillWait=60
SlurmdParameters=config_overrides
ReturnToService=2
GresTypes=gpu
NodeName={host} CPUs={cpus} Boards=1 SocketsPerBoard=1 \\
  CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory=128000 \\
  Gres=gpu:{num_gpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextlib.contextmanager
def running(folder):
    """Starts Slurm with its state in `folder`; stops it at the end.

    While it runs, this machine's configuration of Slurm is a link into `folder`.

    Raises:
      RuntimeError: a program is missing, the machine has a Slurm already, or the node
        does not come up.
    """
    for program in ("munged", "slurmctld", "slurmd", "sbatch"):
        if not shutil.which(program):
            raise RuntimeError(f"{program}: not found; apt install slurm-wlm munge.")
    links = [CONFIGURATION_LINK, CONFIGURATION_LINK.with_name("gres.conf")]
    for link in links:
        if link.exists():
            raise RuntimeError(f"{link}: this machine has a Slurm already.")
    folder = pathlib.Path(folder).resolve()
    for name in ("state", "spool", "devices"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(NUM_GPUS):
        device = folder / "devices" / f"nvidia{number}"
        if not device.exists():
            os.mknod(device, stat.S_IFCHR, os.makedev(1, 3))  # As /dev/null is.
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(os.urandom(1024))
    port = free_port()
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname(),
            port=port,
            next_port=free_port(),
            cpus=os.cpu_count(),
            num_gpus=NUM_GPUS,
        )
    )
    devices = f"File={folder}/devices/nvidia[0-{NUM_GPUS - 1}]"
    (folder / "gres.conf").write_text(
        f"AutoDetect=off\nName=gpu Flags=nvidia_gpu_env {devices}\n"
    )
    for link in links:
        link.unlink(missing_ok=True)  # A killed trial's.
        link.symlink_to(folder / link.name)
    socket_path = folder / "munge.socket"
    munged = ["munged", "--foreground", "--force", f"--socket={socket_path}"]
    munged += [f"--key-file={key}", f"--log-file={folder}/munged.log"]
    munged += [f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munged.seed"]
    processes = []
    with open(folder / "daemons.log", "w") as log:
        try:
            for command in (munged, ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-c"]):
                processes.append(subprocess.Popen(command, stdout=log, stderr=log))
                time.sleep(1)
            wait_for_node(folder)
            yield
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()
            for link in links:
                link.unlink()


def wait_for_node(folder, seconds=60):
    for _ in range(seconds):
        result = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], capture_output=True, text=True
        )
        if result.stdout.strip() == "idle":
            return
        time.sleep(1)
    raise RuntimeError(
        f"no node is idle: sinfo says {result.stdout.strip()!r}; see {folder}/*.log."
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]
