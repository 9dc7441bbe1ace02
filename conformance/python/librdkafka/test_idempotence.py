"""An idempotent producer whose connections are cut: once, in order, nothing lost."""

import pytest
from cutting_proxy import CuttingProxy

from . import clients

RECORDS = 20_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_idempotence_under_disconnects(broker, fresh, seed):
    topic = clients.create(broker, fresh("topic"), partitions=2)
    failed = []
    with CuttingProxy(broker, bytes_between_cuts=10_000, seed=seed) as proxy:
        client = clients.producer(
            proxy.address,
            enable_idempotence=True,
            batch_num_messages=100,
            reconnect_backoff_ms=1,
            reconnect_backoff_max_ms=20,
            retry_backoff_ms=10,
        )
        for number in range(RECORDS):
            client.produce(
                topic,
                str(number).encode(),
                partition=number % 2,
                on_delivery=lambda error, _: error and failed.append(error),
            )
            if number % 100 == 0:
                client.poll(0.001)
        assert client.flush(60) == 0, "not everything was acknowledged"
        assert proxy.cuts > 10, f"only {proxy.cuts} connections were cut"
    assert not failed, failed[0]
    for partition in range(2):
        values = [int(m.value()) for m in clients.read_all(broker, topic, partition)]
        assert values == list(range(partition, RECORDS, 2)), f"after {proxy.cuts} cuts"
