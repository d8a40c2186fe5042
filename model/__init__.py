"""Network, training, judging, sample store, ONNX and repository. Never imports Kafka or Redis."""

import os

# ONNX Runtime's wheels for Linux (from 1.29 on) report each model that they load to their maker, unless told not to
# before their first import. What is learnt here is nobody's business; child processes inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
