"""The Grafana dashboards as code: `python -m scripts.dashboards` writes docker/grafana/dashboards/*.json.

A dashboard is a module; `panels` makes what stands on it, `frame` what all share: variables, annotations, links.
"""
