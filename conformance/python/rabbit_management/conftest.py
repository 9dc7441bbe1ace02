"""What all cases of the management API share."""

import pytest

from rabbit_pika.conftest import channel, connect, connection  # noqa: F401

from .api import Api


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def queue(api, fresh):
    """An empty durable queue that is gone after the case."""
    name = fresh("queue")
    api.made("queues", "/", name, body={"durable": True})
    yield name
    api.delete("queues", "/", name)


@pytest.fixture
def exchange(api, fresh):
    """A topic exchange that is gone after the case."""
    name = fresh("exchange")
    api.made("exchanges", "/", name, body={"type": "topic", "durable": True})
    yield name
    api.delete("exchanges", "/", name)


@pytest.fixture
def vhost(api, fresh):
    """A virtual host that is gone after the case."""
    name = fresh("vhost")
    api.made("vhosts", name)
    yield name
    api.delete("vhosts", name)


@pytest.fixture
def user(api, fresh):
    """Makes users with tags, each of which is an API of its own; they are gone after the case."""
    made = []

    def user(tags, permissions=None, vhost="/"):
        name = fresh(tags.replace(",", "-") or "nobody")
        api.made("users", name, body={"password": "secret", "tags": tags})
        made.append(name)
        if permissions is not None:
            configure, write, read = permissions
            granted = {"configure": configure, "write": write, "read": read}
            api.made("permissions", vhost, name, body=granted)
        it = Api(name, "secret")
        it.name = name
        return it

    yield user
    for name in made:
        api.delete("users", name)
