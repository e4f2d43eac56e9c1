"""The documents that are generated: from the released card, from the study, and from the table."""

from pathlib import Path

from models.bundle import read_card
from training.data.table import TABLE, read_table
from training.documents.exploration_page import tell_exploration
from training.documents.model_card import tell_card
from training.documents.study_page import tell_study
from training.study.results import Study

ROOT = Path(__file__).parents[2]
DOCS, CHAMPION = ROOT / "docs", ROOT / "models" / "champion"


def make_documents() -> dict[str, str]:
    """Return what each generated document must be, by its name in `DOCS`. Raises BadStudy, BrokenBundle, BadTable."""
    return {
        "study.md": tell_study(Study.read()),
        "model-card.md": tell_card(read_card(CHAMPION)),
        "eda.md": tell_exploration(read_table(TABLE)),
    }


def write_documents() -> list[Path]:
    """Write the documents anew; return their paths."""
    paths = []
    for name, text in make_documents().items():
        paths.append(DOCS / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths
