"""The API's description is true: valid OpenAPI 3.1 with every action, its shape, its problems, its key and its roles."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.house.living import Living

pytestmark = pytest.mark.slow
HOUSES = ("authority", "post")
PROBLEMS = {"400", "401", "403", "404", "409", "413", "415", "422", "429", "503"}


def _description(living: Living, house: str) -> dict[str, Any]:
    return living.client.get(living.url(house, "/schema/openapi.json")).json()


@pytest.mark.parametrize("house", HOUSES)
def test_the_description_is_valid_openapi(living: Living, house: str) -> None:
    description = _description(living, house)
    assert description["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(description).validate()


@pytest.mark.parametrize("house", HOUSES)
def test_every_action_is_described_with_its_shape_key_roles_and_problems(living: Living, house: str) -> None:
    description = _description(living, house)
    schemas = description["components"]["schemas"]
    for action in living.actions[house].values():
        path = f"/v1/{action.name.replace('.', '/')}"
        single, batch = description["paths"][path]["post"], description["paths"][f"{path}/batch"]["post"]
        body = single["requestBody"]["content"]["application/json"]["schema"]
        shape = schemas[body["$ref"].rpartition("/")[2]]
        assert set(shape["properties"]) == set(action.asks.__struct_fields__)
        assert shape["additionalProperties"] is False
        key = [one for one in single["parameters"] if one["name"] == "Idempotency-Key"]
        assert [one["required"] for one in key] == [True]
        for operation in (single, batch):
            assert set(operation["x-roles"]) == action.roles
            assert operation["security"] == [{"session": []}]
            assert set(operation["responses"]) >= PROBLEMS
            for status in PROBLEMS:
                content = operation["responses"][status]["content"]
                assert set(content) == {"application/problem+json"}
                assert content["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }
        assert "items" in schemas["Batch"]["properties"]
    assert {"type", "title", "status", "code", "way_out"} <= set(schemas["Problem"]["required"])


@pytest.mark.parametrize("house", HOUSES)
def test_every_address_under_v1_is_described_and_no_other_is_invented(living: Living, house: str) -> None:
    described = {path for path in _description(living, house)["paths"] if path.startswith("/v1")}
    served = {path.replace(":str", "") for path in living.routes[house] if path.startswith("/v1")}
    assert described == served
    assert not any(path.startswith("/control") for path in _description(living, house)["paths"])


def test_the_page_for_people_loads_nothing_from_elsewhere(living: Living) -> None:
    page = living.client.get(living.url("authority", "/schema")).text
    assert "/v1/application/submit" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
