"""A Forebay process of a case's own, for what is done to the process itself."""

import ctypes
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import openmetrics
from eventually import eventually

BINARY = os.environ.get("FOREBAY", "forebay")
PR_SET_PDEATHSIG = 1
# Small files and short intervals: what is done to the server often meets the sorting of the
# journal, compaction, retention or a snapshot.
BUSY = (
    "--journal-file-size=1MiB",
    "--disk-reserve=64MiB",
    "--retention-check-interval=100ms",
    "--compaction-check-interval=100ms",
)


def die_with_parent():
    """The server ends when the test does, also when the test is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Refused(AssertionError):
    """The server ended by itself before it was ready."""

    def __init__(self, code, log):
        super().__init__(f"ended with {code} before it was ready: {log[-2000:]}")
        self.code, self.log = code, log


class Forebay:
    """`with Forebay(data) as server:` runs until the end of the block.

    `env` is added to the environment. `prepare` is called in the new process before it becomes the
    server: for limits that it is to live with.
    """

    def __init__(
        self,
        data,
        *flags,
        kafka="127.0.0.1:0",
        amqp="off",
        aws="off",
        log=None,
        env=None,
        prepare=None,
    ):
        self.data, self.flags, self.kafka = Path(data), flags, kafka
        self.amqp, self.aws = amqp, aws
        self.env, self.prepare = {**os.environ, **(env or {})}, prepare
        # What the server is started by, such as strace.
        self.under = []
        self.log = Path(log or f"{data}.log")
        # Beside the log, which is never on a disk that is full or cut off.
        self.ready_file = self.log.with_suffix(".ready.json")
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()

    def start(self):
        """Starts the process; answers the seconds until it was ready."""
        started = time.monotonic()
        self.launch()
        eventually(self.is_ready, within=30, every=0.001, what=f"ready; see {self.log}")
        took = time.monotonic() - started
        listeners = json.loads(self.ready_file.read_text())
        # After a restart the clients come back to the address that they know.
        self.kafka = self.broker = listeners["kafka"]
        self.amqp = listeners.get("amqp", "off")
        self.aws = listeners.get("aws", "off")
        self.admin = listeners["admin"]
        return took

    def launch(self):
        """Starts the process and does not wait for it."""
        self.ready_file.unlink(missing_ok=True)
        command = [*self.under, BINARY, "serve", "--kafka", self.kafka, "--amqp", self.amqp,
                   "--aws", self.aws, "--admin", "127.0.0.1:0"]
        command += ["--data", str(self.data), "--ready-file", str(self.ready_file), *self.flags]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=self.env, preexec_fn=self.before_exec
            )

    def before_exec(self):
        die_with_parent()
        if self.prepare:
            self.prepare()

    def is_ready(self):
        ended = self.process.poll()
        if ended is not None:
            raise Refused(ended, self.log.read_text(errors="replace"))
        return self.ready_file.exists()

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; answers the exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def damage(self):
        """What `forebay check` says of the data of an ended server; "" if all is well."""
        command = [BINARY, "check", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True)
        return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}"

    def resident_bytes(self):
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        """What each open descriptor is, such as `socket:[123]` or the path of a file."""
        folder = f"/proc/{self.process.pid}/fd"
        found = []
        for name in os.listdir(folder):
            try:
                found.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                pass  # Closed meanwhile.
        return found

    def cpu_seconds(self):
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def is_live(self, within):
        """Whether it says so in so many seconds."""
        try:
            with urllib.request.urlopen(f"http://{self.admin}/livez", timeout=within) as page:
                return page.status == 200
        except OSError:
            return False

    def metrics(self):
        """What the server says of itself; see openmetrics.Page."""
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as page:
            return openmetrics.Page(page.read().decode())


def refuses_to_start(*arguments, env=None, prepare=None):
    """Runs `serve`, which must give up by itself; answers (exit code, stderr)."""
    done = subprocess.run(
        [BINARY, "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=15,
        env={**os.environ, **(env or {})},
        preexec_fn=prepare,
    )
    return done.returncode, done.stderr
