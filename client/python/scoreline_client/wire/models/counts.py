from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Counts")


@_attrs_define
class Counts:
    """How much of a batch is done; a row is in `scored` or in `rejected`, and in one of them once.

    Attributes:
        rows (int): Rows looked at so far.
        scored (int): Rows with a score, in the results.
        rejected (int): Rows with an error, in the errors.
        parts (int): Parts that the file was cut into.
        parts_done (int): Parts of which every row is done.
    """

    rows: int
    scored: int
    rejected: int
    parts: int
    parts_done: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        rows = self.rows

        scored = self.scored

        rejected = self.rejected

        parts = self.parts

        parts_done = self.parts_done

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "rows": rows,
                "scored": scored,
                "rejected": rejected,
                "parts": parts,
                "parts_done": parts_done,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        rows = d.pop("rows")

        scored = d.pop("scored")

        rejected = d.pop("rejected")

        parts = d.pop("parts")

        parts_done = d.pop("parts_done")

        counts = cls(
            rows=rows,
            scored=scored,
            rejected=rejected,
            parts=parts,
            parts_done=parts_done,
        )

        counts.additional_properties = d
        return counts

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
