"""One open transaction: all parts of `ports.Tx` over one connection."""

from responder.stores.sql.tx_deliveries import DeliveryTx
from responder.stores.sql.tx_history import HistoryTx
from responder.stores.sql.tx_incidents import IncidentTx
from responder.stores.sql.tx_journal import JournalTx
from responder.stores.sql.tx_progress import ProgressTx
from responder.stores.sql.tx_projections import ProjectionTx
from responder.stores.sql.tx_records import RecordTx
from responder.stores.sql.tx_reports import ReportTx
from responder.stores.sql.tx_states import StateTx
from responder.stores.sql.tx_timers import TimerTx


class SqlTx(
    JournalTx,
    StateTx,
    IncidentTx,
    TimerTx,
    ReportTx,
    DeliveryTx,
    ProjectionTx,
    RecordTx,
    ProgressTx,
    HistoryTx,
):
    """The parts know nothing of each other; what they share is the connection."""
