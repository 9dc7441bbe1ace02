"""Tasks through a worker whose broker is SQS: results, delays, retries, workers that are lost."""

import time

from celery import chain, group
from eventually import eventually
from rabbit_celery.conftest import PATIENCE


def test_results_come_back(open_shop):
    shop = open_shop()
    shop.work(concurrency=2)
    add = shop.tasks.add
    assert add.delay(2, 3).get(PATIENCE) == 5
    assert group(add.s(n, n) for n in range(20))().get(PATIENCE) == [2 * n for n in range(20)]
    assert chain(add.s(1, 1), add.s(10), add.s(100))().get(PATIENCE) == 112


def test_what_was_sent_before_there_was_a_worker(open_shop):
    shop = open_shop()
    for n in range(30):
        shop.tasks.note.delay(str(n))
    shop.work(concurrency=2)
    assert sorted(shop.wait_done(30), key=int) == [str(n) for n in range(30)]


def test_delayed_tasks_are_run_when_they_are_due(open_shop):
    """The worker holds them; celery's messages are not delayed by the queue."""
    shop = open_shop()
    shop.work(concurrency=2)
    sent = time.time()
    late = shop.tasks.note.apply_async(["late"], countdown=3)
    soon = shop.tasks.note.apply_async(["soon"], countdown=1)
    assert soon.get(PATIENCE) >= sent + 1
    assert late.get(PATIENCE) >= sent + 3
    assert shop.done() == ["soon", "late"]


def test_tasks_are_tried_again(open_shop):
    shop = open_shop()
    shop.work()
    assert shop.tasks.try_again.delay().get(PATIENCE) == 2
    assert shop.done() == ["try 0", "try 1", "try 2"]


def test_tasks_of_a_killed_worker_go_to_another(open_shop, tmp_path):
    """When the visibility time-out is over."""
    shop = open_shop(visibility_seconds=3)
    first = shop.work()
    release = tmp_path / "release"
    task = shop.tasks.wait_for.delay(str(release))
    [started] = shop.wait_done(1)
    assert started == f"started {first.pid}"
    shop.kill(first)
    second = shop.work()
    release.touch()
    assert task.get(PATIENCE) == "done"
    assert f"started {second.pid}" in shop.done()


def test_three_workers_share_the_tasks(open_shop, sqs):
    shop = open_shop()
    for _ in range(3):
        shop.work(concurrency=2)
    for n in range(100):
        shop.tasks.note.delay(str(n))
    assert sorted(shop.wait_done(100), key=int) == [str(n) for n in range(100)]
    url = sqs.get_queue_url(QueueName=shop.queue)["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def is_empty():
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return set(found.values()) == {"0"}

    eventually(is_empty, PATIENCE, what="every message is deleted")
