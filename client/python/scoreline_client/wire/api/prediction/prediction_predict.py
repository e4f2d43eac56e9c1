from http import HTTPStatus
from typing import Any

import httpx2

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.job import Job
from ...models.patient import Patient
from ...models.problem import Problem
from ...models.score import Score
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: Patient,
    explain: bool | Unset = False,
    model_version: None | str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(priority, Unset):
        headers["Priority"] = priority

    params: dict[str, Any] = {}

    params["explain"] = explain

    json_model_version: None | str | Unset
    if isinstance(model_version, Unset):
        json_model_version = UNSET
    else:
        json_model_version = model_version
    params["model_version"] = json_model_version

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/prediction",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> Job | Problem | Score | None:
    if response.status_code == 200:
        response_200 = Score.from_dict(response.json())

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

    if response.status_code == 500:
        response_500 = Problem.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx2.Response
) -> Response[Job | Problem | Score]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: Patient,
    explain: bool | Unset = False,
    model_version: None | str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> Response[Job | Problem | Score]:
    """Predict

     Score one patient and answer the score itself.

    It is a job like any other. If it is not scored within `SCORELINE_PREDICTION_WAIT_S` seconds the
    answer is 202
    with the job, which is not lost and can be polled. With `model_version` it is 422 if another one is
    served.

    Args:
        explain (bool | Unset): Say with each score how its risk comes about. Default: False.
        model_version (None | str | Unset): The only model that may score it; unless given,
            whichever is served.
        priority (str | Unset):
        body (Patient): One patient, as measured before an angiogram; a value that fits no patient
            is refused.

            Every field must be stated, except `chol`; a category is stated by its integer code or by
            its name.

            The first sentence of a field's description says what it is: its name up to a colon or a
            comma, then what helps to
            read it. What follows is for those who send codes.

            Source of definitions and units: Janosi, Steinbrunn, Pfisterer, Detrano, "Heart Disease",
            UCI Machine
            Learning Repository (1988), file `heart-disease.names`. Source of the soft bounds: minimum
            and maximum of
            its Cleveland table. The hard bounds are engineering judgement, wider than any patient
            seen at the four
            sites; no clinician has set them. Source of the other units: 1 mmHg is 0.1333224 kPa (NIST
            Special Publication 811,
            2008 edition, appendix B.8), and 1 mol of cholesterol, C27H46O, is 386.7 g (IUPAC's
            standard atomic weights).

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Job | Problem | Score]
    """

    kwargs = _get_kwargs(
        body=body,
        explain=explain,
        model_version=model_version,
        priority=priority,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: Patient,
    explain: bool | Unset = False,
    model_version: None | str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> Job | Problem | Score | None:
    """Predict

     Score one patient and answer the score itself.

    It is a job like any other. If it is not scored within `SCORELINE_PREDICTION_WAIT_S` seconds the
    answer is 202
    with the job, which is not lost and can be polled. With `model_version` it is 422 if another one is
    served.

    Args:
        explain (bool | Unset): Say with each score how its risk comes about. Default: False.
        model_version (None | str | Unset): The only model that may score it; unless given,
            whichever is served.
        priority (str | Unset):
        body (Patient): One patient, as measured before an angiogram; a value that fits no patient
            is refused.

            Every field must be stated, except `chol`; a category is stated by its integer code or by
            its name.

            The first sentence of a field's description says what it is: its name up to a colon or a
            comma, then what helps to
            read it. What follows is for those who send codes.

            Source of definitions and units: Janosi, Steinbrunn, Pfisterer, Detrano, "Heart Disease",
            UCI Machine
            Learning Repository (1988), file `heart-disease.names`. Source of the soft bounds: minimum
            and maximum of
            its Cleveland table. The hard bounds are engineering judgement, wider than any patient
            seen at the four
            sites; no clinician has set them. Source of the other units: 1 mmHg is 0.1333224 kPa (NIST
            Special Publication 811,
            2008 edition, appendix B.8), and 1 mol of cholesterol, C27H46O, is 386.7 g (IUPAC's
            standard atomic weights).

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Job | Problem | Score
    """

    return sync_detailed(
        client=client,
        body=body,
        explain=explain,
        model_version=model_version,
        priority=priority,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: Patient,
    explain: bool | Unset = False,
    model_version: None | str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> Response[Job | Problem | Score]:
    """Predict

     Score one patient and answer the score itself.

    It is a job like any other. If it is not scored within `SCORELINE_PREDICTION_WAIT_S` seconds the
    answer is 202
    with the job, which is not lost and can be polled. With `model_version` it is 422 if another one is
    served.

    Args:
        explain (bool | Unset): Say with each score how its risk comes about. Default: False.
        model_version (None | str | Unset): The only model that may score it; unless given,
            whichever is served.
        priority (str | Unset):
        body (Patient): One patient, as measured before an angiogram; a value that fits no patient
            is refused.

            Every field must be stated, except `chol`; a category is stated by its integer code or by
            its name.

            The first sentence of a field's description says what it is: its name up to a colon or a
            comma, then what helps to
            read it. What follows is for those who send codes.

            Source of definitions and units: Janosi, Steinbrunn, Pfisterer, Detrano, "Heart Disease",
            UCI Machine
            Learning Repository (1988), file `heart-disease.names`. Source of the soft bounds: minimum
            and maximum of
            its Cleveland table. The hard bounds are engineering judgement, wider than any patient
            seen at the four
            sites; no clinician has set them. Source of the other units: 1 mmHg is 0.1333224 kPa (NIST
            Special Publication 811,
            2008 edition, appendix B.8), and 1 mol of cholesterol, C27H46O, is 386.7 g (IUPAC's
            standard atomic weights).

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Job | Problem | Score]
    """

    kwargs = _get_kwargs(
        body=body,
        explain=explain,
        model_version=model_version,
        priority=priority,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: Patient,
    explain: bool | Unset = False,
    model_version: None | str | Unset = UNSET,
    priority: str | Unset = UNSET,
) -> Job | Problem | Score | None:
    """Predict

     Score one patient and answer the score itself.

    It is a job like any other. If it is not scored within `SCORELINE_PREDICTION_WAIT_S` seconds the
    answer is 202
    with the job, which is not lost and can be polled. With `model_version` it is 422 if another one is
    served.

    Args:
        explain (bool | Unset): Say with each score how its risk comes about. Default: False.
        model_version (None | str | Unset): The only model that may score it; unless given,
            whichever is served.
        priority (str | Unset):
        body (Patient): One patient, as measured before an angiogram; a value that fits no patient
            is refused.

            Every field must be stated, except `chol`; a category is stated by its integer code or by
            its name.

            The first sentence of a field's description says what it is: its name up to a colon or a
            comma, then what helps to
            read it. What follows is for those who send codes.

            Source of definitions and units: Janosi, Steinbrunn, Pfisterer, Detrano, "Heart Disease",
            UCI Machine
            Learning Repository (1988), file `heart-disease.names`. Source of the soft bounds: minimum
            and maximum of
            its Cleveland table. The hard bounds are engineering judgement, wider than any patient
            seen at the four
            sites; no clinician has set them. Source of the other units: 1 mmHg is 0.1333224 kPa (NIST
            Special Publication 811,
            2008 edition, appendix B.8), and 1 mol of cholesterol, C27H46O, is 386.7 g (IUPAC's
            standard atomic weights).

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Job | Problem | Score
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            explain=explain,
            model_version=model_version,
            priority=priority,
        )
    ).parsed
