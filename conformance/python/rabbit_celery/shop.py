"""The application that the cases' workers run. What a case wants of it is in the environment."""

import os
import time
from pathlib import Path

import celery
from kombu import Queue

QUEUE = os.environ["SHOP_QUEUE"]
TYPE = os.environ.get("SHOP_QUEUE_TYPE", "classic")
MAX_PRIORITY = os.environ.get("SHOP_MAX_PRIORITY")
# Where tasks say what they did, a line each.
LOG = Path(os.environ["SHOP_LOG"])

arguments = {"x-queue-type": TYPE}
if MAX_PRIORITY:
    arguments["x-max-priority"] = int(MAX_PRIORITY)

app = celery.Celery(
    "shop", broker=f"pyamqp://guest:guest@{os.environ['BROKER_AMQP']}//", backend="rpc://"
)
app.conf.update(
    task_queues=[Queue(QUEUE, routing_key=QUEUE, queue_arguments=arguments)],
    task_default_queue=QUEUE,
    task_default_exchange=f"{QUEUE}-exchange",
    task_default_exchange_type="topic" if TYPE == "quorum" else "direct",
    task_default_routing_key=QUEUE,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=True,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
    result_expires=60,
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
        raise self.retry(countdown=0.2)
    return self.request.retries


@app.task(bind=True, acks_late=True, reject_on_worker_lost=True)
def wait_for(self, path):
    """Ends when the file is there."""
    write(f"started {os.getppid()} {self.request.delivery_info['redelivered']}")
    while not Path(path).exists():
        time.sleep(0.02)
    return "done"
