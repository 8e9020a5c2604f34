"""The reference forwarder: a load balancer as the field builds them, without I/O."""

from __future__ import annotations

from dsrcheck.lab.forwarder.balancer import Balancer
from dsrcheck.lab.forwarder.machine import Forwarder
from dsrcheck.lab.forwarder.settings import CHECKS, METHODS, MODES, Defects, Server, Service, Settings

__all__ = ["CHECKS", "METHODS", "MODES", "Balancer", "Defects", "Forwarder", "Server", "Service", "Settings"]
