"""A Redis of the run's own that keeps the results of tasks: a plugin, for Celery's own tests."""

import os
import socket
import subprocess
import tempfile

import pytest
from eventually import eventually
from process.forebay import die_with_parent

HOST = "127.0.0.1"
running = []


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def accepts(port):
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


# Before the tests' own conftest.py, which looks at the environment.
@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests():
    port = free_port()
    folder = tempfile.TemporaryDirectory(prefix="redis-")
    command = ["redis-server", "--bind", HOST, "--port", str(port), "--save", ""]
    server = subprocess.Popen(
        [*command, "--dir", folder.name], stdout=subprocess.DEVNULL, preexec_fn=die_with_parent
    )
    running.append((server, folder))
    eventually(lambda: accepts(port), what="Redis accepts connections")
    os.environ.update(
        REDIS_HOST=HOST, REDIS_PORT=str(port), TEST_BACKEND=f"redis://{HOST}:{port}/0"
    )


def pytest_unconfigure():
    for server, folder in running:
        server.terminate()
        server.wait()
        folder.cleanup()
    running.clear()
