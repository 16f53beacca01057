"""The picture of the courier who is on the way, at an address of its own below the case's."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from safehand.authority.case import Case
from safehand.authority.portal.frame import Web
from safehand.authority.portal.pages import Portal
from safehand.house.problems import NOT_FOUND


class CourierPicture:
    """For whoever waits for that courier, and nobody else."""

    def __init__(self, *, portal: Portal) -> None:
        self._portal = portal
        self._cases = msgspec.json.Decoder(Case)

    def routes(self) -> list[Any]:
        """The picture as a Litestar handler; no part of the API's description."""
        handler = get("/cases/{city:str}/{case:str}/courier")(self.picture)
        handler.include_in_schema = False
        return [handler]

    async def picture(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/courier: for the owner of the case, while the courier is on the way; else as if there were none."""
        row = await self._portal.visited(request, city, case)
        if isinstance(row, Response):
            return row
        comer = await self._portal.comers.who(city=row.city, case=self._cases.decode(row.state))
        frame = self._portal.frame
        if comer is None or comer.card is None or not comer.card.picture:
            return frame.problem(request=request, refusal=NOT_FOUND())
        return frame.picture(comer.card.picture)
