"""The lab on real network stacks: the scenarios of the simulator, played by Linux kernels in network namespaces.

    made = real.run("dsr-round-robin", "vip-missing")     # a LabRun, as lab.run gives

    with real.RealLab("dsr-round-robin", endless=True) as lab:
        watching = lab.run_in("mirror", ["dumpcap", "-q", "-i", lab.interface("mirror"), "-w", "-"], stdout=PIPE)
        lab.do({"do": "remove-vip", "host": "server2"})   # or the name of a fault: lab.do("vip-missing")
        lab.undo()

Clients, servers and gateway are kernels; the balancer is dsrcheck.lab.forwarder on packet sockets. All of it is in a
process of its own (`inside`), in user and network namespaces that end with it. No interface of the host is touched.
"""

from __future__ import annotations

from dsrcheck.lab.real.control import RealLab, run
from dsrcheck.lab.real.needs import cannot_run, refusal

__all__ = ["RealLab", "cannot_run", "refusal", "run"]
