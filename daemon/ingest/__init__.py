"""The ingestor: Kafka records become buffered samples and dead letters."""
