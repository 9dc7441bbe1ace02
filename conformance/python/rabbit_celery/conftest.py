"""Workers of a case's own, and the same application to send tasks with."""

import importlib
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from eventually import eventually
from process.forebay import die_with_parent

# Nothing takes longer than this but a broker that hangs.
PATIENCE = 30
TESTS = Path(__file__).parent.parent


class Shop:
    """The application with a queue of its own, and its workers."""

    def __init__(self, folder, queue, application="rabbit_celery.shop"):
        self.folder, self.log = folder, folder / "done"
        self.application = application
        # It is what the environment says that it is.
        self.tasks = importlib.reload(importlib.import_module(application))
        self.app = self.tasks.app
        self.queue = queue
        self.workers = []

    def work(self, concurrency=1):
        """Starts a worker and waits until it consumes."""
        name = f"{self.queue}-{len(self.workers)}-{uuid.uuid4().hex[:6]}@here"
        command = [sys.executable, "-m", "celery", "--app", self.application, "worker"]
        command += ["--hostname", name, "--concurrency", str(concurrency), "--loglevel", "INFO"]
        output = self.folder / f"worker-{len(self.workers)}.log"
        with output.open("wb") as log:
            worker = subprocess.Popen(
                command, cwd=TESTS, stdout=log, stderr=log, preexec_fn=die_with_parent,
                start_new_session=True,
            )
        self.workers.append(worker)
        eventually(
            lambda: b"ready." in output.read_bytes(), PATIENCE, what=f"a worker; see {output}"
        )
        return worker

    def kill(self, worker):
        """kill -9, of the worker and the processes of its pool."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def done(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def wait_done(self, count):
        eventually(lambda: len(self.done()) >= count, PATIENCE, what=f"{count} lines")
        return self.done()

    def close(self):
        for worker in self.workers:
            if worker.poll() is None:
                self.kill(worker)
        self.app.close()


@pytest.fixture
def open_shop(tmp_path, fresh, monkeypatch):
    """open_shop(max_priority=9) is one whose queue has priorities."""
    shops = []

    def opened(**settings):
        queue = fresh("shop")
        monkeypatch.setenv("SHOP_QUEUE", queue)
        monkeypatch.setenv("SHOP_LOG", str(tmp_path / "done"))
        for name, value in settings.items():
            monkeypatch.setenv(f"SHOP_{name.upper()}", str(value))
        shops.append(Shop(tmp_path, queue))
        return shops[-1]

    yield opened
    for shop in shops:
        shop.close()
