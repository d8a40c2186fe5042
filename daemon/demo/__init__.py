"""`tidemill demo`: the whole main job on one machine, with nothing installed beside Python.

Outside of the roles stand a producer (`feeder`), an inference service (`follower`) and a reader of the dead letters;
they know of the roles only what Kafka and HTTP tell them.
"""
