"""What a topic of dead letters takes, as the brokers say it."""

from collections.abc import Callable

from streaming.kafka_admin import KafkaAdmin
from streaming.kafka_options import KafkaRefusedError, KafkaUnavailableError

ASK_EVERY_S = 60.0
"""An operator may change it at any time; a refusal has it asked at once."""
REQUEST_BYTES_DEFAULT = 104_857_600
"""The brokers' socket.request.max.bytes where they do not tell. A larger request ends the connection, unanswered."""
REQUEST_OVERHEAD_BYTES = 2_048
"""What a request adds to its one batch: names of topic and client, lengths."""


class LetterLimits:
    """Asks for `max.message.bytes` of the topic and `socket.request.max.bytes` of the brokers, and remembers both.

    Where the right to ask is missing (DescribeConfigs), or a broker does not know the question (the embedded one hangs
    up at it), no limit of the topic is known: sending shows, as it shows where Kafka is away. Never raises.
    """

    def __init__(self, admin: KafkaAdmin, clock_s: Callable[[], float]) -> None:
        self._admin = admin
        self._clock_s = clock_s
        self._known: dict[str, tuple[float, int]] = {}

    def batch_bytes_max(self, topic: str) -> int:
        """Return the largest compressed batch that may be sent."""
        now_s = self._clock_s()
        known = self._known.get(topic)
        if known is None or now_s - known[0] >= ASK_EVERY_S:
            request = self._asked(self._admin.request_bytes_max) or REQUEST_BYTES_DEFAULT
            of_topic = self._asked(lambda: self._admin.message_bytes_max(topic))
            most = request - REQUEST_OVERHEAD_BYTES
            known = self._known[topic] = (now_s, most if of_topic is None else min(most, of_topic))
        return known[1]

    def _asked(self, question: Callable[[], int | None]) -> int | None:
        try:
            return question()
        except (KafkaUnavailableError, KafkaRefusedError):
            self._admin.close()  # a connection that was cut in mid-answer serves nothing else
            return None

    def forget(self, topic: str) -> None:
        """Ask again before the next one."""
        self._known.pop(topic, None)
