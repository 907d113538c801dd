"""The commands of SLURM that submitting needs, with jobs that are processes of this machine: it stands for a SLURM that nobody has here.

Each job has a file in FAKE_SLURM: its process group and its state. What `#SBATCH` lines ask for is not looked at, but for
`--array` and the files of output.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

COMMANDS = ("sbatch", "srun", "sacct", "scancel")


def install(directory: Path) -> Path:
    """Write the commands into a directory, for PATH."""
    (directory / "jobs").mkdir(parents=True)
    for name in COMMANDS:
        command = directory / name
        command.write_text(f'#!/bin/sh\nFAKE_SLURM={directory}/jobs exec {sys.executable} {__file__} {name} "$@"\n')
        command.chmod(0o755)
    return directory


def jobs() -> Path:
    return Path(os.environ["FAKE_SLURM"])


def sbatch(script: str) -> None:
    job = str(100 + len(list(jobs().glob("*.sh"))))
    text = Path(script).read_text()
    (jobs() / f"{job}.sh").write_text(text)
    array = re.search(r"--array=0-(\d+)%(\d+)", text)
    names = [f"{job}_{number}" for number in range(int(array[1]) + 1)] if array else [job]
    for name in names:
        (jobs() / name).write_text("0 PENDING")
    most = int(array[2]) if array else 1
    subprocess.Popen(
        [sys.executable, __file__, "queue", script, str(most), *names],
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    sys.stdout.write(f"Submitted batch job {job}\n")


def queue(script: str, most: str, *names: str) -> None:
    """Start the jobs of an array, so many at a time, and write down how they end."""
    text, left, running = Path(script).read_text(), list(names), {}
    while left or running:
        while left and len(running) < int(most):
            name = left.pop(0)
            if state_of(name) == "PENDING":
                running[name] = start(name, script, text)
        for name, process in list(running.items()):
            if process.poll() is not None:
                del running[name]
                if state_of(name) == "RUNNING":
                    (jobs() / name).write_text(f"{process.pid} {'FAILED' if process.returncode else 'COMPLETED'}")
        time.sleep(0.05)


def start(name: str, script: str, text: str) -> subprocess.Popen[bytes]:
    job, _, task = name.partition("_")
    environ = {"SLURM_JOB_ID": job, "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1", "SLURM_NODEID": "0"}
    environ |= {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_JOB_NODELIST": os.uname().nodename}
    environ |= {"SLURM_ARRAY_JOB_ID": job, "SLURM_ARRAY_TASK_ID": task} if task else {}
    output, error = (
        re.search(rf"--{which}=(\S+)", text)[1].replace("%A", job).replace("%a", task).replace("%j", job)  # type: ignore[index]
        for which in ("output", "error")
    )
    with Path(output).open("ab") as out, Path(error).open("ab") as err:
        process = subprocess.Popen(
            ["bash", script], env=os.environ | environ, stdout=out, stderr=err, start_new_session=True
        )
    (jobs() / name).write_text(f"{process.pid} RUNNING")
    return process


def state_of(name: str) -> str:
    return (jobs() / name).read_text().partition(" ")[2]


def sacct(*_: str) -> None:
    lines = [f"{job.name}|{state_of(job.name)}|here" for job in sorted(jobs().iterdir()) if not job.suffix]
    sys.stdout.write("\n".join(["JobID|State|NodeList", *lines]) + "\n")


def scancel(name: str) -> None:
    group = int((jobs() / name).read_text().partition(" ")[0])
    (jobs() / name).write_text(f"{group} CANCELLED by 0")
    with suppress(ProcessLookupError):
        if group:
            os.killpg(group, signal.SIGTERM)
            time.sleep(0.2)
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    globals()[command](*words)
