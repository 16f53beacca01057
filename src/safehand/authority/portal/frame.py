"""The portal's frame: the look of all pages with the authority's templates, and the page of a refusal."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from litestar import Response

from safehand.authority.notices.wording import moment_words
from safehand.house.look import frame as look
from safehand.house.look.frame import Web, language_of, wants_page
from safehand.kernel.outcome import Refusal, sentence, status_of, way_out

__all__ = ["Frame", "Web", "language_of", "wants_page"]

TEMPLATES: Final = Path(__file__).parent / "templates"


class Frame(look.Frame):
    """Renders the portal's pages. `pays_at`, `signs_in_at`: the services to which a button may lead, by their addresses."""

    def __init__(self, *, address: str, pays_at: str, live: bool, signs_in_at: str = "") -> None:
        services = [urlsplit(one) for one in (pays_at, signs_in_at)]
        super().__init__(
            templates=TEMPLATES,
            moment=moment_words,
            address=address,
            live=live,
            leads_to=[f"{one.scheme}://{one.netloc}" for one in services if one.netloc],
        )

    def problem(self, *, request: Web, refusal: Refusal) -> Response[bytes]:
        """The page of a refusal: what is wrong and the way out. It names no address, so it betrays none."""
        language = language_of(request)
        return self.page(
            request=request,
            template="problem.html",
            status=status_of(refusal),
            sentence=sentence(refusal, language),
            way_out=way_out(refusal, language),
            code=refusal.code,
        )
