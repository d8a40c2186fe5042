"""From weights to a file that inference services can trust: export, check, repository, follower.

The exporting half (`fuse`, `export`, `template`, `filling`, `parity`, `publisher`) needs torch and onnx. The other half
(`layout`, `manifest`, `triton`, `repository`, `reader`, `verify`, `follower`) loads neither: servers and inference
services import it.
"""
