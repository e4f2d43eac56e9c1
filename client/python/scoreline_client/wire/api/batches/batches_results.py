from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import quote

import httpx2

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.format_ import Format
from ...models.problem import Problem
from ...types import UNSET, File, Response, Unset


def _get_kwargs(
    id: str,
    *,
    format_: Format | None | Unset = UNSET,
    spreadsheet_safe: bool | Unset = False,
    range_: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(range_, Unset):
        headers["Range"] = range_

    params: dict[str, Any] = {}

    json_format_: None | str | Unset
    if isinstance(format_, Unset):
        json_format_ = UNSET
    elif isinstance(format_, str):
        json_format_ = format_
    else:
        json_format_ = format_
    params["format"] = json_format_

    params["spreadsheet_safe"] = spreadsheet_safe

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/batches/{id}/results".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> File | Problem | None:
    if response.status_code == 200:
        response_200 = File(payload=BytesIO(response.content))

        return response_200

    if response.status_code == 206:
        response_206 = File(payload=BytesIO(response.content))

        return response_206

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 410:
        response_410 = Problem.from_dict(response.json())

        return response_410

    if response.status_code == 416:
        response_416 = Problem.from_dict(response.json())

        return response_416

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> Response[File | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id: str,
    *,
    client: AuthenticatedClient,
    format_: Format | None | Unset = UNSET,
    spreadsheet_safe: bool | Unset = False,
    range_: str | Unset = UNSET,
) -> Response[File | Problem]:
    """Results

     Download the rows with their scores, in their order: every column as it was sent, then those of the
    score.

    The format is that in the query, else the first in `Accept` that there is, else that of the file. A
    part of a file
    that is sent as it is can be asked for with `Range`. Before the batch has ended these are the rows
    done so far. With
    `spreadsheet_safe` no cell of a CSV is run by a spreadsheet.

    Args:
        id (str):
        format_ (Format | None | Unset):
        spreadsheet_safe (bool | Unset):  Default: False.
        range_ (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[File | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        format_=format_,
        spreadsheet_safe=spreadsheet_safe,
        range_=range_,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: str,
    *,
    client: AuthenticatedClient,
    format_: Format | None | Unset = UNSET,
    spreadsheet_safe: bool | Unset = False,
    range_: str | Unset = UNSET,
) -> File | Problem | None:
    """Results

     Download the rows with their scores, in their order: every column as it was sent, then those of the
    score.

    The format is that in the query, else the first in `Accept` that there is, else that of the file. A
    part of a file
    that is sent as it is can be asked for with `Range`. Before the batch has ended these are the rows
    done so far. With
    `spreadsheet_safe` no cell of a CSV is run by a spreadsheet.

    Args:
        id (str):
        format_ (Format | None | Unset):
        spreadsheet_safe (bool | Unset):  Default: False.
        range_ (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        File | Problem
    """

    return sync_detailed(
        id=id,
        client=client,
        format_=format_,
        spreadsheet_safe=spreadsheet_safe,
        range_=range_,
    ).parsed


async def asyncio_detailed(
    id: str,
    *,
    client: AuthenticatedClient,
    format_: Format | None | Unset = UNSET,
    spreadsheet_safe: bool | Unset = False,
    range_: str | Unset = UNSET,
) -> Response[File | Problem]:
    """Results

     Download the rows with their scores, in their order: every column as it was sent, then those of the
    score.

    The format is that in the query, else the first in `Accept` that there is, else that of the file. A
    part of a file
    that is sent as it is can be asked for with `Range`. Before the batch has ended these are the rows
    done so far. With
    `spreadsheet_safe` no cell of a CSV is run by a spreadsheet.

    Args:
        id (str):
        format_ (Format | None | Unset):
        spreadsheet_safe (bool | Unset):  Default: False.
        range_ (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[File | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        format_=format_,
        spreadsheet_safe=spreadsheet_safe,
        range_=range_,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: str,
    *,
    client: AuthenticatedClient,
    format_: Format | None | Unset = UNSET,
    spreadsheet_safe: bool | Unset = False,
    range_: str | Unset = UNSET,
) -> File | Problem | None:
    """Results

     Download the rows with their scores, in their order: every column as it was sent, then those of the
    score.

    The format is that in the query, else the first in `Accept` that there is, else that of the file. A
    part of a file
    that is sent as it is can be asked for with `Range`. Before the batch has ended these are the rows
    done so far. With
    `spreadsheet_safe` no cell of a CSV is run by a spreadsheet.

    Args:
        id (str):
        format_ (Format | None | Unset):
        spreadsheet_safe (bool | Unset):  Default: False.
        range_ (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        File | Problem
    """

    return (
        await asyncio_detailed(
            id=id,
            client=client,
            format_=format_,
            spreadsheet_safe=spreadsheet_safe,
            range_=range_,
        )
    ).parsed
