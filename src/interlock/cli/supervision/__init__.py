"""What ``interlock up`` is made of: ports, child processes, their logs, the quickstart file. Called by ``up`` only."""
