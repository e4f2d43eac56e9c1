"""Four dashboards as code, and the JSON that Grafana is given of them; `python -m monitoring.grafana` writes it anew.

For development only: what runs imports none of it. Knows metrics by their names, and of the settings their defaults.
"""
