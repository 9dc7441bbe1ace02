from rabbit_management.conftest import api  # noqa: F401
