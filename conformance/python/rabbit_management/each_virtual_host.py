"""Fixtures for cases that are the same in every virtual host: they run in the default one and in another."""

import pytest

from .api import Api


@pytest.fixture(params=["default", "other"])
def vhost(request, fresh):
    if request.param == "default":
        yield "/"
        return
    # Short, so that refusals that name it come whole.
    with Api().virtual_host("/vhost" + fresh("")[-9:]) as name:
        yield name


@pytest.fixture
def connect(vhost, connect):
    return lambda: connect(vhost=vhost)
