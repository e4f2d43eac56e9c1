from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.join import Join, check_join
from ..models.on_error import OnError, check_on_error
from ..types import UNSET, Unset

T = TypeVar("T", bound="Options")


@_attrs_define
class Options:
    """What may be asked of a batch, in the query of its upload or in the fields before the file of a form.

    Attributes:
        on_error (OnError | Unset): What a row that is no patient does to its batch.
        error_limit (int | None | Unset): With on_error=skip, more bad rows than this fail the batch.
        join (Join | Unset): What stands before the added columns in each row of the output.
        id_column (str | Unset): The column, or key, of the id. Default: ''.
        delimiter (str | Unset): Of a CSV: `,` `;` `|` or `tab`; seen in the header unless given. Default: ''.
        callback_url (str | Unset): Where to tell that the batch has ended. Default: ''.
        model_version (str | Unset): The model to score with. Default: ''.
    """

    on_error: OnError | Unset = UNSET
    error_limit: int | None | Unset = UNSET
    join: Join | Unset = UNSET
    id_column: str | Unset = ""
    delimiter: str | Unset = ""
    callback_url: str | Unset = ""
    model_version: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        on_error: str | Unset = UNSET
        if not isinstance(self.on_error, Unset):
            on_error = self.on_error

        error_limit: int | None | Unset
        if isinstance(self.error_limit, Unset):
            error_limit = UNSET
        else:
            error_limit = self.error_limit

        join: str | Unset = UNSET
        if not isinstance(self.join, Unset):
            join = self.join

        id_column = self.id_column

        delimiter = self.delimiter

        callback_url = self.callback_url

        model_version = self.model_version

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if on_error is not UNSET:
            field_dict["on_error"] = on_error
        if error_limit is not UNSET:
            field_dict["error_limit"] = error_limit
        if join is not UNSET:
            field_dict["join"] = join
        if id_column is not UNSET:
            field_dict["id_column"] = id_column
        if delimiter is not UNSET:
            field_dict["delimiter"] = delimiter
        if callback_url is not UNSET:
            field_dict["callback_url"] = callback_url
        if model_version is not UNSET:
            field_dict["model_version"] = model_version

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _on_error = d.pop("on_error", UNSET)
        on_error: OnError | Unset
        if isinstance(_on_error, Unset):
            on_error = UNSET
        else:
            on_error = check_on_error(_on_error)

        def _parse_error_limit(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        error_limit = _parse_error_limit(d.pop("error_limit", UNSET))

        _join = d.pop("join", UNSET)
        join: Join | Unset
        if isinstance(_join, Unset):
            join = UNSET
        else:
            join = check_join(_join)

        id_column = d.pop("id_column", UNSET)

        delimiter = d.pop("delimiter", UNSET)

        callback_url = d.pop("callback_url", UNSET)

        model_version = d.pop("model_version", UNSET)

        options = cls(
            on_error=on_error,
            error_limit=error_limit,
            join=join,
            id_column=id_column,
            delimiter=delimiter,
            callback_url=callback_url,
            model_version=model_version,
        )

        return options
