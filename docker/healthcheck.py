"""HEALTHCHECK of the images: exit status 0 when /livez of this port answers 200. Standard library alone."""

import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/livez", timeout=2) as answer:
        sys.exit(answer.status != 200)
except (urllib.error.URLError, OSError) as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(1)
