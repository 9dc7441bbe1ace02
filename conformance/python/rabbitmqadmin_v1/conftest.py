from rabbit_management.conftest import api, queue, vhost  # noqa: F401
