"""Turns Kafka records into samples buffered in Redis. Never imports torch, nor the model package."""
