"""Real servers for the tests: Kafka, PostgreSQL, Prometheus, Alertmanager, Chromium.

Each is looked for in the same order: an address from the environment (`RESPONDER_TEST_...`), a Docker engine, what this
machine has installed (`make servers` installs what is missing). One that cannot be had is an error, never a skip.

A server is one shell line and one directory, so that a container and a process of this machine run the same thing.
"""
