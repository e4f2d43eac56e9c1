from http import HTTPStatus
from typing import Any

import httpx2

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.drift import Drift
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    hours: int | Unset = 24,
    model_version: None | str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["hours"] = hours

    json_model_version: None | str | Unset
    if isinstance(model_version, Unset):
        json_model_version = UNSET
    else:
        json_model_version = model_version
    params["model_version"] = json_model_version

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/drift",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> Drift | Problem | None:
    if response.status_code == 200:
        response_200 = Drift.from_dict(response.json())

        return response_200

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx2.Response) -> Response[Drift | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    hours: int | Unset = 24,
    model_version: None | str | Unset = UNSET,
) -> Response[Drift | Problem]:
    """Drift

     Compare the patients of the last hours with those that the model was trained on, each feature by
    itself.

    Where keys are required they are the key's own patients; those of all are an `admin`'s to see.

    A feature drifts where the population stability index, less what chance makes of it, reaches
    `psi_limit`, and the
    chi-squared test of both samples doubts that they are of one population. Of too few patients nothing
    is said.

    Args:
        hours (int | Unset): Hours of the clock to look at, with the one that it is. Default: 24.
        model_version (None | str | Unset): The model whose patients to look at; unless given, the
            one that is served.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Drift | Problem]
    """

    kwargs = _get_kwargs(
        hours=hours,
        model_version=model_version,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    hours: int | Unset = 24,
    model_version: None | str | Unset = UNSET,
) -> Drift | Problem | None:
    """Drift

     Compare the patients of the last hours with those that the model was trained on, each feature by
    itself.

    Where keys are required they are the key's own patients; those of all are an `admin`'s to see.

    A feature drifts where the population stability index, less what chance makes of it, reaches
    `psi_limit`, and the
    chi-squared test of both samples doubts that they are of one population. Of too few patients nothing
    is said.

    Args:
        hours (int | Unset): Hours of the clock to look at, with the one that it is. Default: 24.
        model_version (None | str | Unset): The model whose patients to look at; unless given, the
            one that is served.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Drift | Problem
    """

    return sync_detailed(
        client=client,
        hours=hours,
        model_version=model_version,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    hours: int | Unset = 24,
    model_version: None | str | Unset = UNSET,
) -> Response[Drift | Problem]:
    """Drift

     Compare the patients of the last hours with those that the model was trained on, each feature by
    itself.

    Where keys are required they are the key's own patients; those of all are an `admin`'s to see.

    A feature drifts where the population stability index, less what chance makes of it, reaches
    `psi_limit`, and the
    chi-squared test of both samples doubts that they are of one population. Of too few patients nothing
    is said.

    Args:
        hours (int | Unset): Hours of the clock to look at, with the one that it is. Default: 24.
        model_version (None | str | Unset): The model whose patients to look at; unless given, the
            one that is served.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Drift | Problem]
    """

    kwargs = _get_kwargs(
        hours=hours,
        model_version=model_version,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    hours: int | Unset = 24,
    model_version: None | str | Unset = UNSET,
) -> Drift | Problem | None:
    """Drift

     Compare the patients of the last hours with those that the model was trained on, each feature by
    itself.

    Where keys are required they are the key's own patients; those of all are an `admin`'s to see.

    A feature drifts where the population stability index, less what chance makes of it, reaches
    `psi_limit`, and the
    chi-squared test of both samples doubts that they are of one population. Of too few patients nothing
    is said.

    Args:
        hours (int | Unset): Hours of the clock to look at, with the one that it is. Default: 24.
        model_version (None | str | Unset): The model whose patients to look at; unless given, the
            one that is served.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx2.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Drift | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            hours=hours,
            model_version=model_version,
        )
    ).parsed
