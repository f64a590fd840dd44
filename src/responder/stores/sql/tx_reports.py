"""What triage left with an incident: recorded evidence and the revisions of its report."""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select

from responder.model.evidence import RecordedAnswer
from responder.model.report import Report
from responder.stores.sql.documents import EVIDENCE, REPORT
from responder.stores.sql.instants import micros
from responder.stores.sql.schema import evidence, reports
from responder.stores.sql.session import Session, bounded, digest, listed, replacing

_PUT_EVIDENCE = replacing(evidence)
_EVIDENCE = (
    select(evidence.c.doc)
    .where(evidence.c.incident_id == bindparam("incident_id"))
    .order_by(evidence.c.asked_at, evidence.c.enricher, evidence.c.key_hash)
)
_ADD_REPORT = insert(reports)
_REPORTS = select(reports.c.doc).where(reports.c.incident_id == bindparam("incident_id")).order_by(reports.c.revision)
_LATER = reports.alias("later")
_HAS_LATER = (
    select(1).where(_LATER.c.incident_id == reports.c.incident_id, _LATER.c.revision > reports.c.revision).exists()
)
_LATEST = listed(
    lambda among: select(reports.c.incident_id, reports.c.doc).where(among(reports.c.incident_id), ~_HAS_LATER)
)


class ReportTx(Session):
    """See `ports.Tx`."""

    def put_evidence(self, rows: Sequence[RecordedAnswer]) -> None:
        """One answer per question and time of asking; the same again overwrites."""
        if rows:
            self.execute_many(
                _PUT_EVIDENCE,
                [
                    {
                        "incident_id": row.incident_id,
                        "enricher": bounded(row.enricher),
                        "key_hash": digest(row.key),
                        "asked_at": micros(row.asked_at),
                        "doc": EVIDENCE.dump(row),
                    }
                    for row in rows
                ],
            )

    def evidence(self, incident_id: str) -> list[RecordedAnswer]:
        """In the order of asking."""
        return [EVIDENCE.load(row.doc) for row in self.ask(_EVIDENCE, {"incident_id": incident_id})]

    def put_report(self, report: Report) -> None:
        """Raises Conflict when this revision of the incident's report is there already."""
        row = {"incident_id": report.incident.id, "revision": report.revision, "doc": REPORT.dump(report)}
        self.ask(_ADD_REPORT, row)

    def latest_reports(self, incident_ids: Sequence[str]) -> dict[str, Report]:
        return {row.incident_id: REPORT.load(row.doc) for row in self.among(_LATEST, incident_ids)}

    def reports(self, incident_id: str) -> list[Report]:
        """The first revision first."""
        return [REPORT.load(row.doc) for row in self.ask(_REPORTS, {"incident_id": incident_id})]
