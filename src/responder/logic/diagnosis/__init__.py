"""How a diagnosis is made: from the text of logs and alerts, readings and history to ranked causes with evidence.

The public face: `diagnose`, `needs_for`, `related_skills`, `Knowledge`.
"""

from responder.logic.diagnosis.engine import diagnose, needs_for
from responder.logic.diagnosis.knowledge import Knowledge, RootBlock
from responder.logic.diagnosis.related import related_skills
from responder.logic.diagnosis.scan import Signatures
from responder.logic.diagnosis.words import Words

__all__ = ["Knowledge", "RootBlock", "Signatures", "Words", "diagnose", "needs_for", "related_skills"]
