"""Writes each dashboard to its file: `python -m monitoring.grafana`."""

from monitoring.grafana.board import FOLDER, write
from monitoring.grafana.every import make_boards

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for board in make_boards():
        print(write(board))
