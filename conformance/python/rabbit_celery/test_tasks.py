"""Tasks through a worker: results, delays, retries, workers that are lost, priorities."""

import time

import pytest
from celery import chain, group
from eventually import eventually

from .conftest import PATIENCE


def test_results_come_back(open_shop):
    shop = open_shop()
    shop.work(concurrency=2)
    add = shop.tasks.add
    assert add.delay(2, 3).get(PATIENCE) == 5
    assert group(add.s(n, n) for n in range(20))().get(PATIENCE) == [2 * n for n in range(20)]
    assert chain(add.s(1, 1), add.s(10), add.s(100))().get(PATIENCE) == 112


def test_delayed_tasks_are_run_when_they_are_due(open_shop):
    shop = open_shop()
    shop.work(concurrency=2)
    sent = time.time()
    late = shop.tasks.note.apply_async(["late"], countdown=2)
    soon = shop.tasks.note.apply_async(["soon"], countdown=1)
    assert soon.get(PATIENCE) >= sent + 1
    assert late.get(PATIENCE) >= sent + 2
    assert shop.done() == ["soon", "late"]


def test_tasks_are_tried_again(open_shop):
    shop = open_shop()
    shop.work()
    assert shop.tasks.try_again.delay().get(PATIENCE) == 2
    assert shop.done() == ["try 0", "try 1", "try 2"]


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_tasks_of_a_killed_worker_go_to_another(open_shop, tmp_path, queue_type):
    shop = open_shop(queue_type=queue_type)
    first = shop.work()
    release = tmp_path / "release"
    task = shop.tasks.wait_for.delay(str(release))
    [started] = shop.wait_done(1)
    assert started == f"started {first.pid} False"
    shop.kill(first)
    second = shop.work()
    assert shop.wait_done(2)[1] == f"started {second.pid} True"
    release.touch()
    assert task.get(PATIENCE) == "done"
    assert len(shop.done()) == 2


def test_higher_priorities_are_first(open_shop):
    shop = open_shop(max_priority=9)
    # Sent before there is a worker: it finds them in the order of the queue.
    for priority in [0, 3, 9, 6, 1]:
        shop.tasks.note.apply_async([str(priority)], priority=priority)
    shop.work()
    assert shop.wait_done(5) == ["9", "6", "3", "1", "0"]


def test_delays_of_quorum_queues_are_the_brokers(open_shop):
    """Native delayed delivery: the task waits in the broker, in a chain of queues with expiry."""
    shop = open_shop(queue_type="quorum")
    worker = shop.work()
    sent = time.time()
    task = shop.tasks.note.apply_async(["due"], countdown=3)
    # It waits where no worker holds it.
    shop.kill(worker)
    shop.work()
    assert task.get(PATIENCE) >= sent + 3
    assert shop.done() == ["due"]


def test_worker_answers_questions_and_cancels(open_shop):
    shop = open_shop()
    shop.work()
    control = shop.app.control
    [(name, queues)] = control.inspect(timeout=5, limit=1).active_queues().items()
    assert name.startswith(shop.queue)
    assert [queue["name"] for queue in queues] == [shop.queue]
    task = shop.tasks.note.apply_async(["never"], countdown=1)
    control.revoke(task.id, reply=True, timeout=5, limit=1)
    shop.tasks.note.apply_async(["after"], countdown=1.5)
    assert shop.wait_done(1) == ["after"]
    eventually(lambda: task.state == "REVOKED", PATIENCE, what="it says that it was revoked")
