"""Spans of what ingestors and learner do, for a collector of OpenTelemetry's. Only `otlp.py` loads any of that."""
