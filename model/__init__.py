"""Network, training, judging, sample store, ONNX and repository. Never imports Kafka or Redis."""
