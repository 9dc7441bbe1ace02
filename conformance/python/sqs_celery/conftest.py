"""Celery over SQS: the same kind of shop as over AMQP, with its own application."""

import os

import pytest
from rabbit_celery.conftest import Shop
from sqs_boto3.conftest import open_client


@pytest.fixture
def sqs():
    return open_client(f"http://{os.environ['BROKER_AWS']}")


@pytest.fixture
def open_shop(tmp_path, fresh, monkeypatch, sqs):
    """open_shop(visibility_seconds=2) is one whose messages are hidden for so long."""
    shops = []

    def opened(**settings):
        queue = fresh("shop")
        results = tmp_path / "results"
        results.mkdir(exist_ok=True)
        monkeypatch.setenv("SHOP_QUEUE", queue)
        monkeypatch.setenv("SHOP_LOG", str(tmp_path / "done"))
        monkeypatch.setenv("SHOP_RESULTS", str(results))
        for name, value in settings.items():
            monkeypatch.setenv(f"SHOP_{name.upper()}", str(value))
        shops.append(Shop(tmp_path, queue, application="sqs_celery.shop"))
        return shops[-1]

    yield opened
    for shop in shops:
        shop.close()
        try:
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=shop.queue)["QueueUrl"])
        except sqs.exceptions.QueueDoesNotExist:
            pass  # Nothing was sent.
