"""The application that the cases' workers run. What a case wants of it is in the environment."""

import os
import time
from pathlib import Path

import celery

QUEUE = os.environ["SHOP_QUEUE"]
# Where tasks say what they did, a line each.
LOG = Path(os.environ["SHOP_LOG"])
# How long a message is a worker's alone.
VISIBILITY_SECONDS = int(os.environ.get("SHOP_VISIBILITY_SECONDS", "30"))

app = celery.Celery(
    "shop",
    broker=f"sqs://test:test@{os.environ['BROKER_AWS']}",
    # SQS brings no results back.
    backend=f"file://{os.environ['SHOP_RESULTS']}",
)
app.conf.update(
    task_default_queue=QUEUE,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "region": "us-east-1",
        "is_secure": False,
        "wait_time_seconds": 5,
        "polling_interval": 0.1,
        "visibility_timeout": VISIBILITY_SECONDS,
    },
)


def write(line):
    with LOG.open("a") as log:
        log.write(f"{line}\n")


@app.task
def add(one, other):
    return one + other


@app.task
def note(name):
    """Leaves its name."""
    write(name)
    return time.time()


@app.task(bind=True, max_retries=3)
def try_again(self):
    write(f"try {self.request.retries}")
    if self.request.retries < 2:
        raise self.retry(countdown=1)
    return self.request.retries


@app.task(acks_late=True)
def wait_for(path):
    """Ends when the file is there."""
    write(f"started {os.getppid()}")
    while not Path(path).exists():
        time.sleep(0.02)
    return "done"
