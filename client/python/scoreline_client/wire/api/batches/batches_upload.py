from http import HTTPStatus
from typing import Any

import httpx2

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.batch import Batch
from ...models.batches_upload_files_body import BatchesUploadFilesBody
from ...models.join import Join
from ...models.on_error import OnError
from ...models.problem import Problem
from ...types import UNSET, File, Response, Unset


def _get_kwargs(
    *,
    body: File | File | BatchesUploadFilesBody | Unset = UNSET,
    on_error: OnError | Unset = UNSET,
    error_limit: int | None | Unset = UNSET,
    join: Join | Unset = UNSET,
    id_column: str | Unset = UNSET,
    delimiter: str | Unset = UNSET,
    callback_url: str | Unset = UNSET,
    model_version: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    if not isinstance(priority, Unset):
        headers["Priority"] = priority

    params: dict[str, Any] = {}

    json_on_error: str | Unset = UNSET
    if not isinstance(on_error, Unset):
        json_on_error = on_error

    params["on_error"] = json_on_error

    json_error_limit: int | None | Unset
    if isinstance(error_limit, Unset):
        json_error_limit = UNSET
    else:
        json_error_limit = error_limit
    params["error_limit"] = json_error_limit

    json_join: str | Unset = UNSET
    if not isinstance(join, Unset):
        json_join = join

    params["join"] = json_join

    params["id_column"] = id_column

    params["delimiter"] = delimiter

    params["callback_url"] = callback_url

    params["model_version"] = model_version

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/batches",
        "params": params,
    }

    if isinstance(body, File):
        _kwargs["content"] = body.payload
        headers["Content-Type"] = "text/csv"
    if isinstance(body, File):
        _kwargs["content"] = body.payload
        headers["Content-Type"] = "application/x-ndjson"
    if isinstance(body, BatchesUploadFilesBody):
        _kwargs["files"] = body.to_multipart()

        headers["Content-Type"] = "multipart/form-data; boundary=+++"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> Batch | Problem | None:
    if response.status_code == 202:
        response_202 = Batch.from_dict(response.json())

        return response_202

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 408:
        response_408 = Problem.from_dict(response.json())

        return response_408

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> Response[Batch | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: File | File | BatchesUploadFilesBody | Unset = UNSET,
    on_error: OnError | Unset = UNSET,
    error_limit: int | None | Unset = UNSET,
    join: Join | Unset = UNSET,
    id_column: str | Unset = UNSET,
    delimiter: str | Unset = UNSET,
    callback_url: str | Unset = UNSET,
    model_version: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> Response[Batch | Problem]:
    """Upload

     Upload a file of patients, CSV with a header or JSON Lines, of any size; as the body, or in a form.

    Each may be gzip-encoded. Answered once all of it is written down: from then on no row is lost. The
    header is
    checked before anything is kept, and an upload that breaks off leaves nothing behind. Options stand
    in the query, or
    in fields of the form before the file. With an `Idempotency-Key` a repeat with the same file and
    options answers the
    same batch.

    Args:
        on_error (OnError | Unset): What a row that is no patient does to its batch.
        error_limit (int | None | Unset): With on_error=skip, more bad rows than this fail the
            batch.
        join (Join | Unset): What stands before the added columns in each row of the output.
        id_column (str | Unset): The column, or key, of the id.
        delimiter (str | Unset): Of a CSV: `,` `;` `|` or `tab`; seen in the header unless given.
        callback_url (str | Unset): Where to tell that the batch has ended.
        model_version (str | Unset): The model to score with.
        idempotency_key (str | Unset):
        priority (str | Unset):
        body (File):
        body (File):
        body (BatchesUploadFilesBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Batch | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        on_error=on_error,
        error_limit=error_limit,
        join=join,
        id_column=id_column,
        delimiter=delimiter,
        callback_url=callback_url,
        model_version=model_version,
        idempotency_key=idempotency_key,
        priority=priority,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: File | File | BatchesUploadFilesBody | Unset = UNSET,
    on_error: OnError | Unset = UNSET,
    error_limit: int | None | Unset = UNSET,
    join: Join | Unset = UNSET,
    id_column: str | Unset = UNSET,
    delimiter: str | Unset = UNSET,
    callback_url: str | Unset = UNSET,
    model_version: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> Batch | Problem | None:
    """Upload

     Upload a file of patients, CSV with a header or JSON Lines, of any size; as the body, or in a form.

    Each may be gzip-encoded. Answered once all of it is written down: from then on no row is lost. The
    header is
    checked before anything is kept, and an upload that breaks off leaves nothing behind. Options stand
    in the query, or
    in fields of the form before the file. With an `Idempotency-Key` a repeat with the same file and
    options answers the
    same batch.

    Args:
        on_error (OnError | Unset): What a row that is no patient does to its batch.
        error_limit (int | None | Unset): With on_error=skip, more bad rows than this fail the
            batch.
        join (Join | Unset): What stands before the added columns in each row of the output.
        id_column (str | Unset): The column, or key, of the id.
        delimiter (str | Unset): Of a CSV: `,` `;` `|` or `tab`; seen in the header unless given.
        callback_url (str | Unset): Where to tell that the batch has ended.
        model_version (str | Unset): The model to score with.
        idempotency_key (str | Unset):
        priority (str | Unset):
        body (File):
        body (File):
        body (BatchesUploadFilesBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Batch | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        on_error=on_error,
        error_limit=error_limit,
        join=join,
        id_column=id_column,
        delimiter=delimiter,
        callback_url=callback_url,
        model_version=model_version,
        idempotency_key=idempotency_key,
        priority=priority,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: File | File | BatchesUploadFilesBody | Unset = UNSET,
    on_error: OnError | Unset = UNSET,
    error_limit: int | None | Unset = UNSET,
    join: Join | Unset = UNSET,
    id_column: str | Unset = UNSET,
    delimiter: str | Unset = UNSET,
    callback_url: str | Unset = UNSET,
    model_version: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> Response[Batch | Problem]:
    """Upload

     Upload a file of patients, CSV with a header or JSON Lines, of any size; as the body, or in a form.

    Each may be gzip-encoded. Answered once all of it is written down: from then on no row is lost. The
    header is
    checked before anything is kept, and an upload that breaks off leaves nothing behind. Options stand
    in the query, or
    in fields of the form before the file. With an `Idempotency-Key` a repeat with the same file and
    options answers the
    same batch.

    Args:
        on_error (OnError | Unset): What a row that is no patient does to its batch.
        error_limit (int | None | Unset): With on_error=skip, more bad rows than this fail the
            batch.
        join (Join | Unset): What stands before the added columns in each row of the output.
        id_column (str | Unset): The column, or key, of the id.
        delimiter (str | Unset): Of a CSV: `,` `;` `|` or `tab`; seen in the header unless given.
        callback_url (str | Unset): Where to tell that the batch has ended.
        model_version (str | Unset): The model to score with.
        idempotency_key (str | Unset):
        priority (str | Unset):
        body (File):
        body (File):
        body (BatchesUploadFilesBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Batch | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        on_error=on_error,
        error_limit=error_limit,
        join=join,
        id_column=id_column,
        delimiter=delimiter,
        callback_url=callback_url,
        model_version=model_version,
        idempotency_key=idempotency_key,
        priority=priority,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: File | File | BatchesUploadFilesBody | Unset = UNSET,
    on_error: OnError | Unset = UNSET,
    error_limit: int | None | Unset = UNSET,
    join: Join | Unset = UNSET,
    id_column: str | Unset = UNSET,
    delimiter: str | Unset = UNSET,
    callback_url: str | Unset = UNSET,
    model_version: str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> Batch | Problem | None:
    """Upload

     Upload a file of patients, CSV with a header or JSON Lines, of any size; as the body, or in a form.

    Each may be gzip-encoded. Answered once all of it is written down: from then on no row is lost. The
    header is
    checked before anything is kept, and an upload that breaks off leaves nothing behind. Options stand
    in the query, or
    in fields of the form before the file. With an `Idempotency-Key` a repeat with the same file and
    options answers the
    same batch.

    Args:
        on_error (OnError | Unset): What a row that is no patient does to its batch.
        error_limit (int | None | Unset): With on_error=skip, more bad rows than this fail the
            batch.
        join (Join | Unset): What stands before the added columns in each row of the output.
        id_column (str | Unset): The column, or key, of the id.
        delimiter (str | Unset): Of a CSV: `,` `;` `|` or `tab`; seen in the header unless given.
        callback_url (str | Unset): Where to tell that the batch has ended.
        model_version (str | Unset): The model to score with.
        idempotency_key (str | Unset):
        priority (str | Unset):
        body (File):
        body (File):
        body (BatchesUploadFilesBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Batch | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            on_error=on_error,
            error_limit=error_limit,
            join=join,
            id_column=id_column,
            delimiter=delimiter,
            callback_url=callback_url,
            model_version=model_version,
            idempotency_key=idempotency_key,
            priority=priority,
        )
    ).parsed
