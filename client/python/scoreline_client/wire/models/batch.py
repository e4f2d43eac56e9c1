from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.state import State, check_state

if TYPE_CHECKING:
    from ..models.batch_links import BatchLinks
    from ..models.counts import Counts
    from ..models.job_error import JobError


T = TypeVar("T", bound="Batch")


@_attrs_define
class Batch:
    """A batch as its submitter sees it; times are UTC.

    Attributes:
        id (UUID):
        state (State): Where a job stands. It only ever moves down this list, and never leaves an end state.
        counts (Counts): How much of a batch is done; a row is in `scored` or in `rejected`, and in one of them once.
        bytes_ (int): Size of the file, uncompressed.
        rows_per_s (float | None): Rows done a second since the first part began.
        ends_about (datetime.datetime | None): When it will have ended at that rate.
        accepted_at (datetime.datetime):
        started_at (datetime.datetime | None):
        finished_at (datetime.datetime | None):
        error (JobError | None):
        links (BatchLinks):
    """

    id: UUID
    state: State
    counts: Counts
    bytes_: int
    rows_per_s: float | None
    ends_about: datetime.datetime | None
    accepted_at: datetime.datetime
    started_at: datetime.datetime | None
    finished_at: datetime.datetime | None
    error: JobError | None
    links: BatchLinks
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.job_error import JobError  # noqa: PLC0415

        id = str(self.id)

        state: str = self.state

        counts = self.counts.to_dict()

        bytes_ = self.bytes_

        rows_per_s: float | None
        rows_per_s = self.rows_per_s

        ends_about: None | str
        if isinstance(self.ends_about, datetime.datetime):
            ends_about = self.ends_about.isoformat()
        else:
            ends_about = self.ends_about

        accepted_at = self.accepted_at.isoformat()

        started_at: None | str
        if isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        finished_at: None | str
        if isinstance(self.finished_at, datetime.datetime):
            finished_at = self.finished_at.isoformat()
        else:
            finished_at = self.finished_at

        error: dict[str, Any] | None
        if isinstance(self.error, JobError):
            error = self.error.to_dict()
        else:
            error = self.error

        links = self.links.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "state": state,
                "counts": counts,
                "bytes": bytes_,
                "rows_per_s": rows_per_s,
                "ends_about": ends_about,
                "accepted_at": accepted_at,
                "started_at": started_at,
                "finished_at": finished_at,
                "error": error,
                "links": links,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.batch_links import BatchLinks  # noqa: PLC0415
        from ..models.counts import Counts  # noqa: PLC0415
        from ..models.job_error import JobError  # noqa: PLC0415

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        state = check_state(d.pop("state"))

        counts = Counts.from_dict(d.pop("counts"))

        bytes_ = d.pop("bytes")

        def _parse_rows_per_s(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        rows_per_s = _parse_rows_per_s(d.pop("rows_per_s"))

        def _parse_ends_about(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ends_about_type_0 = datetime.datetime.fromisoformat(data)

                return ends_about_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ends_about = _parse_ends_about(d.pop("ends_about"))

        accepted_at = datetime.datetime.fromisoformat(d.pop("accepted_at"))

        def _parse_started_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)

                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        started_at = _parse_started_at(d.pop("started_at"))

        def _parse_finished_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                finished_at_type_0 = datetime.datetime.fromisoformat(data)

                return finished_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        finished_at = _parse_finished_at(d.pop("finished_at"))

        def _parse_error(data: object) -> JobError | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                error_type_0 = JobError.from_dict(data)

                return error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JobError | None, data)

        error = _parse_error(d.pop("error"))

        links = BatchLinks.from_dict(d.pop("links"))

        batch = cls(
            id=id,
            state=state,
            counts=counts,
            bytes_=bytes_,
            rows_per_s=rows_per_s,
            ends_about=ends_about,
            accepted_at=accepted_at,
            started_at=started_at,
            finished_at=finished_at,
            error=error,
            links=links,
        )

        batch.additional_properties = d
        return batch

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
