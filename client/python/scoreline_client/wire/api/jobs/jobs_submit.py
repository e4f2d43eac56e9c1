from http import HTTPStatus
from typing import Any

import httpx2

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.job import Job
from ...models.patient import Patient
from ...models.patients import Patients
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: Patient | Patients,
    explain: bool | Unset = False,
    callback_url: None | str | Unset = UNSET,
    model_version: None | str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    prefer: str | Unset = UNSET,
    priority: str | Unset = UNSET,
    cancel_after: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    if not isinstance(prefer, Unset):
        headers["Prefer"] = prefer

    if not isinstance(priority, Unset):
        headers["Priority"] = priority

    if not isinstance(cancel_after, Unset):
        headers["Cancel-After"] = cancel_after

    params: dict[str, Any] = {}

    params["explain"] = explain

    json_callback_url: None | str | Unset
    if isinstance(callback_url, Unset):
        json_callback_url = UNSET
    else:
        json_callback_url = callback_url
    params["callback_url"] = json_callback_url

    json_model_version: None | str | Unset
    if isinstance(model_version, Unset):
        json_model_version = UNSET
    else:
        json_model_version = model_version
    params["model_version"] = json_model_version

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/jobs",
        "params": params,
    }

    if isinstance(body, Patient):
        _kwargs["json"] = body.to_dict()
    else:
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> Job | Problem | None:
    if response.status_code == 200:
        response_200 = Job.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = Job.from_dict(response.json())

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

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> Response[Job | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: Patient | Patients,
    explain: bool | Unset = False,
    callback_url: None | str | Unset = UNSET,
    model_version: None | str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    prefer: str | Unset = UNSET,
    priority: str | Unset = UNSET,
    cancel_after: str | Unset = UNSET,
) -> Response[Job | Problem]:
    """Submit

     Submit one patient, or many as `{"patients": [...]}` (10,000 unless set otherwise).

    Answered as soon as the job is written down.

    202 means written to disk: the job is never lost, and its result never changes. With an
    `Idempotency-Key` a
    repeat with the same body answers the same job. With `Cancel-After: 90s` the job expires if it is
    not scored by
    then. With `Prefer: wait=10` the answer is 200 with the ended job if that takes no longer, else 202
    as without.
    With `callback_url` that URL is told when the job has ended, at least once. With `model_version` the
    job fails, with
    code `model-not-served`, if that is not the version that is served when its turn comes.

    Args:
        explain (bool | Unset): Say with each score how its risk comes about. Default: False.
        callback_url (None | str | Unset): Told once the job has ended: a signed POST of its id
            and state. An http or https URL.
        model_version (None | str | Unset): The only model that may score it; unless given,
            whichever is served.
        idempotency_key (str | Unset):
        prefer (str | Unset):
        priority (str | Unset):
        cancel_after (str | Unset):
        body (Patient | Patients):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Job | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        explain=explain,
        callback_url=callback_url,
        model_version=model_version,
        idempotency_key=idempotency_key,
        prefer=prefer,
        priority=priority,
        cancel_after=cancel_after,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: Patient | Patients,
    explain: bool | Unset = False,
    callback_url: None | str | Unset = UNSET,
    model_version: None | str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    prefer: str | Unset = UNSET,
    priority: str | Unset = UNSET,
    cancel_after: str | Unset = UNSET,
) -> Job | Problem | None:
    """Submit

     Submit one patient, or many as `{"patients": [...]}` (10,000 unless set otherwise).

    Answered as soon as the job is written down.

    202 means written to disk: the job is never lost, and its result never changes. With an
    `Idempotency-Key` a
    repeat with the same body answers the same job. With `Cancel-After: 90s` the job expires if it is
    not scored by
    then. With `Prefer: wait=10` the answer is 200 with the ended job if that takes no longer, else 202
    as without.
    With `callback_url` that URL is told when the job has ended, at least once. With `model_version` the
    job fails, with
    code `model-not-served`, if that is not the version that is served when its turn comes.

    Args:
        explain (bool | Unset): Say with each score how its risk comes about. Default: False.
        callback_url (None | str | Unset): Told once the job has ended: a signed POST of its id
            and state. An http or https URL.
        model_version (None | str | Unset): The only model that may score it; unless given,
            whichever is served.
        idempotency_key (str | Unset):
        prefer (str | Unset):
        priority (str | Unset):
        cancel_after (str | Unset):
        body (Patient | Patients):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Job | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
        explain=explain,
        callback_url=callback_url,
        model_version=model_version,
        idempotency_key=idempotency_key,
        prefer=prefer,
        priority=priority,
        cancel_after=cancel_after,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: Patient | Patients,
    explain: bool | Unset = False,
    callback_url: None | str | Unset = UNSET,
    model_version: None | str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    prefer: str | Unset = UNSET,
    priority: str | Unset = UNSET,
    cancel_after: str | Unset = UNSET,
) -> Response[Job | Problem]:
    """Submit

     Submit one patient, or many as `{"patients": [...]}` (10,000 unless set otherwise).

    Answered as soon as the job is written down.

    202 means written to disk: the job is never lost, and its result never changes. With an
    `Idempotency-Key` a
    repeat with the same body answers the same job. With `Cancel-After: 90s` the job expires if it is
    not scored by
    then. With `Prefer: wait=10` the answer is 200 with the ended job if that takes no longer, else 202
    as without.
    With `callback_url` that URL is told when the job has ended, at least once. With `model_version` the
    job fails, with
    code `model-not-served`, if that is not the version that is served when its turn comes.

    Args:
        explain (bool | Unset): Say with each score how its risk comes about. Default: False.
        callback_url (None | str | Unset): Told once the job has ended: a signed POST of its id
            and state. An http or https URL.
        model_version (None | str | Unset): The only model that may score it; unless given,
            whichever is served.
        idempotency_key (str | Unset):
        prefer (str | Unset):
        priority (str | Unset):
        cancel_after (str | Unset):
        body (Patient | Patients):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Job | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
        explain=explain,
        callback_url=callback_url,
        model_version=model_version,
        idempotency_key=idempotency_key,
        prefer=prefer,
        priority=priority,
        cancel_after=cancel_after,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: Patient | Patients,
    explain: bool | Unset = False,
    callback_url: None | str | Unset = UNSET,
    model_version: None | str | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,
    prefer: str | Unset = UNSET,
    priority: str | Unset = UNSET,
    cancel_after: str | Unset = UNSET,
) -> Job | Problem | None:
    """Submit

     Submit one patient, or many as `{"patients": [...]}` (10,000 unless set otherwise).

    Answered as soon as the job is written down.

    202 means written to disk: the job is never lost, and its result never changes. With an
    `Idempotency-Key` a
    repeat with the same body answers the same job. With `Cancel-After: 90s` the job expires if it is
    not scored by
    then. With `Prefer: wait=10` the answer is 200 with the ended job if that takes no longer, else 202
    as without.
    With `callback_url` that URL is told when the job has ended, at least once. With `model_version` the
    job fails, with
    code `model-not-served`, if that is not the version that is served when its turn comes.

    Args:
        explain (bool | Unset): Say with each score how its risk comes about. Default: False.
        callback_url (None | str | Unset): Told once the job has ended: a signed POST of its id
            and state. An http or https URL.
        model_version (None | str | Unset): The only model that may score it; unless given,
            whichever is served.
        idempotency_key (str | Unset):
        prefer (str | Unset):
        priority (str | Unset):
        cancel_after (str | Unset):
        body (Patient | Patients):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Job | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            explain=explain,
            callback_url=callback_url,
            model_version=model_version,
            idempotency_key=idempotency_key,
            prefer=prefer,
            priority=priority,
            cancel_after=cancel_after,
        )
    ).parsed
