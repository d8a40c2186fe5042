"""Servers for one machine with nothing installed beside Python: a Kafka-compatible broker and a Redis."""
