"""The product: three durable loops, each claiming rows, working with no transaction open, and committing if it still may.

    source --bytes--> ingest    decode -> redact -> dedup -> route -> suppress -> correlate     one transaction, then the ack
    due incidents --> triage    enrich -> diagnose -> relate -> assess impact -> compose        report and desired states
    due sinks ------> deliver   decide (a named reason) -> send the latest state -> receipt

`timers` does what merely becomes due (lapse, resolve, repeat, escalate, purge); `operate` what people ask for. The order is
fixed. Live, rule tests and replay run this same code: only the clock, the enrichers and the sinks differ.
"""
