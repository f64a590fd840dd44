"""No query of the store reads a whole table: what SQLite says of its plans."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from responder.logic.identity import key_text
from responder.ports import Claim, IncidentFilter
from responder.stores.sql.address import parse_address
from responder.stores.sql.engine import writer_engine
from responder.stores.sql.migrate import prepare
from responder.stores.sql.tx import SqlTx
from tests.making import T0, incident, minutes

CLAIM = Claim("triage", "r", T0, 1, 1, 0, "")
ENTITIES = [("node", "n1"), ("gpu", "G1")]

QUERIES: dict[str, Callable[[SqlTx], Any]] = {
    "journal_entries": lambda tx: tx.journal_entries(["a", "b"]),
    "journalled": lambda tx: tx.journalled(["a", "b"]),
    "journal_range": lambda tx: tx.journal_range(T0, T0 + minutes(9), 5, 10),
    "members": lambda tx: tx.members("inc", 5),
    "link_events": lambda tx: tx.link_events([("inc", "a")]),
    "alert_states": lambda tx: tx.alert_states([("s", "a"), ("s", "b"), ("t", "a")]),
    "latest_incidents": lambda tx: tx.latest_incidents([("gpu", key_text({"node": "n1"})), ("gpu", "{}")]),
    "incidents": lambda tx: tx.incidents(["a", "b"]),
    "put_incidents": lambda tx: [
        tx.put_incidents([one]) for one in (incident(), incident(version=2, entities={"node": ("n9",)}))
    ],
    "open_incidents_sharing": lambda tx: tx.open_incidents_sharing(ENTITIES, T0),
    "open_incidents_sharing of one kind": lambda tx: tx.open_incidents_sharing([("job", "1"), ("job", "2")], T0),
    "children": lambda tx: tx.children("a"),
    "past_incidents": lambda tx: tx.past_incidents(ENTITIES, T0, T0 + minutes(1), "x"),
    "timers": lambda tx: tx.timers("triage", ["a"]),
    "claim": lambda tx: tx.claim(T0, ["triage", "deliver"], 5, T0 + minutes(2)),
    "complete": lambda tx: tx.complete(CLAIM),
    "release": lambda tx: tx.release(CLAIM, T0, ""),
    "next_due": lambda tx: tx.next_due(["triage", "deliver"]),
    "evidence": lambda tx: tx.evidence("a"),
    "reports": lambda tx: tx.reports("a"),
    "latest_reports": lambda tx: tx.latest_reports(["a", "b"]),
    "deliveries": lambda tx: tx.deliveries("a"),
    "find_delivery": lambda tx: tx.find_delivery("slack", "1.2"),
    "sends": lambda tx: tx.sends("a"),
    "jobs": lambda tx: tx.jobs(["1", "2"]),
    "jobs_on": lambda tx: tx.jobs_on(["n1", "n2"], T0, T0),
    "changes": lambda tx: tx.changes(["n1"], T0, T0),
    "count_events": lambda tx: tx.count_events("node", "n1", T0, T0, {}),
    "count_events by label": lambda tx: tx.count_events("node", "n1", T0, T0, {"a": "b"}),
    "silences": lambda tx: tx.silences(T0),
    "actions": lambda tx: tx.actions(None, None, "inc"),
    "quarantine": lambda tx: tx.quarantine("held", 10),
    "quarantined": lambda tx: tx.quarantined("a"),
    "checkpoint": lambda tx: tx.checkpoint("c", "g", "t", 0),
    "open_by_severity": lambda tx: tx.open_by_severity(),
    "meta": lambda tx: tx.meta("k"),
    "purge": lambda tx: tx.purge(T0, T0, 10),
    "find_incidents": lambda tx: tx.find_incidents(IncidentFilter(limit=5)),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_searches_an_index(name: str) -> None:
    address = parse_address("sqlite::memory:")
    engine = writer_engine(address)
    prepare(address, engine)
    seen: list[tuple[str, Any]] = []
    sqlalchemy_event.listen(
        engine, "before_cursor_execute", lambda _c, _cur, statement, given, _x, _m: seen.append((statement, given))
    )
    with engine.connect() as connection:
        QUERIES[name](SqlTx(connection, "memory"))
        run = [(statement, given) for statement, given in seen if statement.startswith(("SELECT", "UPDATE", "DELETE"))]
        assert run
        driver: Any = connection.connection.dbapi_connection
        for statement, given in run:
            values = given[0] if isinstance(given, list) else given
            plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            scans = [
                step
                for step in plan
                # VIRTUAL TABLE: the list of values that is the parameter, unpacked by json_each
                if step.startswith("SCAN")
                and not any(word in step for word in (" USING ", "CONSTANT", "VIRTUAL TABLE"))
            ]
            assert scans == [], f"{statement}\n{plan}"
    engine.dispose()
