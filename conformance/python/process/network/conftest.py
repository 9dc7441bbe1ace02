"""The network of a case's own, for whoever asks for it."""

from .namespace import network

__all__ = ["network"]
