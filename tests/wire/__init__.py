"""Stand-ins for other people's servers: real protocols on real sockets, refusing what the real ones refuse.

Run in a thread (`SlackWire().serve()`) or a process (`python -m tests.wire --slack-port 9001 --pagerduty-port 9002`).
"""
